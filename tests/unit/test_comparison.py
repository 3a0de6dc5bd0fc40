"""Ranks: tests of pairs held against scipy, and how often equals are told apart on simulated models."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from statistics import geometric_mean

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from yardstick.comparison import LEVEL, holm, mcnemar, rate_p_values, rate_ranks, score_ranks

ITEMS = 12
p_values = st.lists(st.floats(0, 1), max_size=12)
solved_sets = st.lists(st.frozensets(st.integers(0, ITEMS - 1)), min_size=1, max_size=7)
# Two clusters of rates, so that examples hold both clear differences and none.
rate_samples = st.lists(st.lists(st.floats(9, 11) | st.floats(90, 110), min_size=2, max_size=8), min_size=1, max_size=5)


def named(sets: Sequence[frozenset[int]]) -> list[tuple[str, frozenset[int]]]:
    return [(f"model-{number}", items) for number, items in enumerate(sets)]


def limit(trials: int) -> float:
    """Return the most false splits that a true rate of at most 5 % gives, but for one time in a thousand."""
    return float(scipy.stats.binom.ppf(0.999, trials, LEVEL))


# McNemar


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_scipys_exact_binomial_test(first: int, second: int) -> None:
    expected = scipy.stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(second, first) == mcnemar(first, second)


@pytest.mark.parametrize(
    ("first", "second", "p"), [(0, 0, 1), (1, 0, 1), (3, 3, 1), (5, 0, 2 / 32), (6, 0, 2 / 64), (7, 1, 18 / 256)]
)
def test_mcnemar_by_hand(first: int, second: int, p: float) -> None:
    assert mcnemar(first, second) == p


def test_five_items_that_only_one_model_solves_are_no_evidence_and_six_are() -> None:
    assert mcnemar(5, 0) > LEVEL >= mcnemar(6, 0)


# Holm


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(p_values)
def test_holm_rejects_what_its_step_down_rule_rejects(found: list[float]) -> None:
    rejected = set()
    for step, index in enumerate(sorted(range(len(found)), key=found.__getitem__)):
        if found[index] * (len(found) - step) > LEVEL:
            break
        rejected.add(index)
    assert {index for index, p in enumerate(holm(found)) if p <= LEVEL} == rejected


@given(p_values)
def test_holm_lies_between_the_plain_value_and_bonferronis_and_keeps_the_order(found: list[float]) -> None:
    adjusted = holm(found)
    for index, other in combinations(range(len(found)), 2):
        if found[index] == found[other]:
            assert adjusted[index] == adjusted[other]
        else:
            assert (found[index] < found[other]) == (adjusted[index] < adjusted[other]) or adjusted[index] == adjusted[
                other
            ]
    for plain, after in zip(found, adjusted, strict=True):
        assert plain <= after <= min(1.0, len(found) * plain)


# Ranks by score


@given(solved_sets)
def test_a_score_rank_is_one_more_than_the_number_of_significantly_better_models(sets: list[frozenset[int]]) -> None:
    models = named(sorted(set(sets), key=sorted))
    pairs = list(combinations(range(len(models)), 2))
    adjusted = holm([mcnemar(len(models[a][1] - models[b][1]), len(models[b][1] - models[a][1])) for a, b in pairs])
    better = [0] * len(models)
    for (a, b), p in zip(pairs, adjusted, strict=True):
        if p <= LEVEL:
            better[min(a, b, key=lambda place: len(models[place][1]))] += 1
    assert score_ranks(models) == [1 + count for count in better]


@given(solved_sets, st.randoms(use_true_random=False))
def test_the_order_of_models_changes_no_score_rank(sets: list[frozenset[int]], source: random.Random) -> None:
    models = named(sets)
    shuffled = source.sample(models, len(models))
    assert dict(zip(shuffled, score_ranks(shuffled), strict=True)) == dict(
        zip(models, score_ranks(models), strict=True)
    )


@given(solved_sets)
def test_models_that_solve_the_same_items_share_a_rank(sets: list[frozenset[int]]) -> None:
    models = [*named(sets), ("twin", sets[0])]
    ranks = score_ranks(models)
    assert ranks[0] == ranks[-1]


@given(solved_sets)
def test_the_best_score_is_first_and_no_model_is_before_one_that_solves_more_significantly(
    sets: list[frozenset[int]],
) -> None:
    ranks = score_ranks(named(sets))
    most = max(map(len, sets))
    assert all(rank == 1 for rank, items in zip(ranks, sets, strict=True) if len(items) == most)
    assert all(1 <= rank <= len(sets) for rank in ranks)


@given(st.frozensets(st.integers(0, ITEMS - 1)), st.frozensets(st.integers(0, ITEMS - 1)))
def test_who_solves_all_of_another_and_more_is_never_behind(some: frozenset[int], more: frozenset[int]) -> None:
    first, second = score_ranks([("a", some | more), ("b", some)])
    assert first == 1 <= second


def test_ten_tasks_tell_only_extremes_apart_and_eight_models_nothing() -> None:
    all_of_them, half, none = frozenset(range(10)), frozenset(range(5)), frozenset[int]()
    assert score_ranks(named([all_of_them, half])) == [1, 1]
    assert score_ranks(named([all_of_them, none])) == [1, 2]
    others = [frozenset(range(n)) for n in range(1, 7)]
    # 10 to 0 is p = 2 / 2^10; times 21 pairs of seven models below 5 %, times 28 pairs of eight above.
    assert score_ranks(named([all_of_them, none, *others[:5]]))[1] == 2
    assert score_ranks(named([all_of_them, none, *others])) == [1] * 8


def test_clearly_different_scores_leave_a_gap_after_a_shared_rank() -> None:
    many, others = frozenset(range(40)), frozenset(range(40)) - {0}
    assert score_ranks(named([many, frozenset(), others])) == [1, 3, 1]


def test_a_lower_score_can_be_before_a_higher_one() -> None:
    """All that 33 solves, 40 solves too: clear. 32 others against 40: it may be luck."""
    most, inside, elsewhere = frozenset(range(40)), frozenset(range(33)), frozenset(range(40, 72))
    assert score_ranks(named([most, inside, elsewhere])) == [1, 2, 1]


def test_results_of_one_model_are_not_compared_with_one_another_and_count_as_one_better_model() -> None:
    many, few = frozenset(range(40)), frozenset[int]()
    assert score_ranks([("a", many), ("a", few)]) == [1, 1]
    assert score_ranks([("a", many), ("a", many - {0}), ("b", few)]) == [1, 1, 2]


def test_equal_results_of_one_model_cost_no_power() -> None:
    """Twelve machines that gave the same answers are one comparison, not twelve."""
    six, none = frozenset(range(6)), frozenset[int]()
    assert score_ranks([("a", six)] * 12 + [("b", none)]) == [1] * 12 + [2]


def test_no_models_have_no_ranks() -> None:
    assert score_ranks([]) == []
    assert rate_ranks([]) == []


# Ranks by rate


@settings(deadline=None, max_examples=50)
@given(rate_samples)
def test_a_rate_rank_is_one_more_than_the_number_of_significantly_faster_models(samples: list[list[float]]) -> None:
    better = [0] * len(samples)
    for (a, b), p in rate_p_values(samples).items():
        if p <= LEVEL:
            better[b if geometric_mean(samples[a]) > geometric_mean(samples[b]) else a] += 1
    assert rate_ranks(samples) == [1 + count for count in better]


@settings(deadline=None, max_examples=50)
@given(rate_samples, st.randoms(use_true_random=False))
def test_neither_the_order_of_models_nor_of_runs_changes_a_rate_rank(
    samples: list[list[float]], source: random.Random
) -> None:
    order = source.sample(range(len(samples)), len(samples))
    shuffled = [source.sample(samples[place], len(samples[place])) for place in order]
    ranks = rate_ranks(samples)
    assert rate_ranks(shuffled) == [ranks[place] for place in order]


@settings(deadline=None, max_examples=50)
@given(rate_samples)
def test_models_with_the_same_rates_share_a_rank(samples: list[list[float]]) -> None:
    ranks = rate_ranks([*samples, samples[0][::-1]])
    assert ranks[0] == ranks[-1]


def test_order_changes_no_p_value_also_where_the_evidence_is_borderline() -> None:
    """With random numbers dealt out in turn, the name of a model decided on which side of 5 % it fell."""
    generator = np.random.default_rng(5)
    found = []
    for _ in range(100):
        first, second = list(generator.normal(100, 3, 6)), list(generator.normal(104, 3, 6))
        found.append(rate_p_values([first, second])[0, 1])
        assert rate_p_values([second[::-1], first])[0, 1] == found[-1]
    assert sum(0.04 < p < 0.06 for p in found) >= 3, "no sample is borderline, so this shows nothing"


@settings(deadline=None, max_examples=50)
@given(rate_samples)
def test_p_values_of_more_extreme_ratios_are_never_larger(samples: list[list[float]]) -> None:
    found = rate_p_values(samples)
    logs = [np.log(sample) for sample in samples]
    statistics = {
        (a, b): abs(logs[a].mean() - logs[b].mean())
        / np.sqrt(scipy.stats.sem(logs[a]) ** 2 + scipy.stats.sem(logs[b]) ** 2)
        for a, b in found
        if np.ptp(samples[a]) > 1e-3 or np.ptp(samples[b]) > 1e-3
    }
    for one, other in combinations(statistics, 2):
        if statistics[one] > statistics[other] * (1 + 1e-9):
            assert found[one] <= found[other]


def test_two_clear_groups_of_rates_share_two_ranks() -> None:
    generator = np.random.default_rng(3)
    samples = [list(generator.normal(center, 2, 6)) for center in (50, 100, 50, 100, 100)]
    assert rate_ranks(samples) == [4, 1, 4, 1, 1]


@pytest.mark.parametrize("sample", [[], [5.0], [0.0, 5.0]])
def test_what_cannot_be_compared_has_no_rate_rank_and_hides_nobody(sample: list[float]) -> None:
    assert rate_ranks([[99.0, 100.0, 101.0] * 3, sample, [49.0, 50.0, 51.0] * 3]) == [1, None, 2]


def test_two_runs_each_are_never_evidence() -> None:
    assert rate_ranks([[1000.0, 1001.0], [1.0, 1.001]]) == [1, 1]


# Error rates: each draws models from the same distribution, ranks them and counts any split.


def splits(trials: int, draw: object) -> int:
    """Return in how many trials any two of the models that are drawn get different ranks."""
    return sum(len(set(draw())) > 1 for _ in range(trials))  # type: ignore[operator]


@pytest.mark.parametrize(("models", "items"), [(2, 100), (5, 30)])
def test_equally_good_models_are_rarely_split_by_score(models: int, items: int) -> None:
    generator = np.random.default_rng(11)

    def draw() -> list[int]:
        chance = generator.beta(1, 1, items)
        solved = generator.random((models, items)) < chance
        return score_ranks(named([frozenset(np.flatnonzero(row).tolist()) for row in solved]))

    assert splits(400, draw) <= limit(400)


@pytest.mark.parametrize(("models", "runs", "is_skewed"), [(2, 6, False), (2, 6, True), (5, 6, False), (5, 30, True)])
def test_equally_fast_models_are_rarely_split_by_rate(models: int, runs: int, is_skewed: bool) -> None:
    generator = np.random.default_rng(12)

    def draw() -> list[int | None]:
        # Skewed: most runs near the best rate, some slowed by other work.
        noise = -generator.exponential(0.1, (models, runs)) if is_skewed else generator.normal(0, 0.1, (models, runs))
        return rate_ranks([list(100 * np.exp(row)) for row in noise])

    assert splits(400, draw) <= limit(400)


def test_equals_beside_a_much_faster_model_are_rarely_split() -> None:
    """Also where some hypotheses are false the steps must hold the error rate of the true ones."""
    generator = np.random.default_rng(13)

    def draw() -> list[int | None]:
        slow = [list(100 * np.exp(row)) for row in generator.normal(0, 0.05, (4, 6))]
        return rate_ranks([[300.0, 301.0, 302.0, 303.0, 304.0, 305.0], *slow])[1:]

    assert splits(400, draw) <= limit(400)


def test_clearly_different_models_are_told_apart() -> None:
    generator = np.random.default_rng(14)
    by_rate, by_score = 0, 0
    for _ in range(100):
        rates = [
            list(center * np.exp(row)) for center, row in zip((90, 100), generator.normal(0, 0.03, (2, 6)), strict=True)
        ]
        by_rate += rate_ranks(rates) == [2, 1]
        solved = generator.random((2, 100)) < np.array([[0.4], [0.7]])
        by_score += score_ranks(named([frozenset(np.flatnonzero(row).tolist()) for row in solved])) == [2, 1]
    assert by_rate >= 95
    assert by_score >= 95
