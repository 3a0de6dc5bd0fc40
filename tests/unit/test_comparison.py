"""Ranks with ties: exact tests, Holm's correction, and how often equal models are told apart."""

from __future__ import annotations

import random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from yardstick.comparison import holm, mcnemar, rate_p_values, rate_ranks, score_ranks

items = st.frozensets(st.integers(0, 30))
results = st.lists(st.tuples(st.sampled_from("abcdef"), items), min_size=1, max_size=6)
rates = st.lists(st.lists(st.floats(1, 100), min_size=2, max_size=6), min_size=1, max_size=5)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test_of_scipy(first: int, second: int) -> None:
    expected = scipy.stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_rejects_as_the_steps_of_its_paper_do(p_values: list[float]) -> None:
    rejected: set[int] = set()
    for step, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] * (len(p_values) - step) > 0.05:
            break
        rejected.add(place)
    assert {place for place, p in enumerate(holm(p_values)) if p <= 0.05} == rejected


@given(results, st.randoms())
def test_score_ranks_do_not_depend_on_the_order(
    solved: list[tuple[str, frozenset[int]]], chance: random.Random
) -> None:
    places = list(range(len(solved)))
    chance.shuffle(places)
    ranks = score_ranks(solved)
    assert score_ranks([solved[place] for place in places]) == [ranks[place] for place in places]


@given(results)
def test_equal_results_share_a_rank_and_someone_is_first(solved: list[tuple[str, frozenset[int]]]) -> None:
    same = [(f"m{place}", frozenset(solved[0][1])) for place in range(4)]
    assert score_ranks(same) == [1, 1, 1, 1]
    assert 1 in score_ranks(solved)


@given(items, items)
def test_who_solves_all_of_another_and_more_is_never_behind(mine: frozenset[int], more: frozenset[int]) -> None:
    first, second = score_ranks([("a", mine | more), ("b", mine)])
    assert first == 1 <= second


def test_ten_tasks_tell_only_extremes_apart() -> None:
    everything, half = frozenset(range(10)), frozenset(range(5))
    assert score_ranks([("a", everything), ("b", half)]) == [1, 1]
    assert score_ranks([("a", everything), ("b", frozenset())]) == [1, 2]


def test_a_rank_counts_those_that_are_better() -> None:
    best, good, poor = frozenset(range(100)), frozenset(range(50)), frozenset(range(10))
    assert score_ranks([("poor", poor), ("best", best), ("good", good), ("equal", best)]) == [4, 1, 3, 1]


@given(rates, st.randoms())
def test_speed_ranks_do_not_depend_on_the_order(samples: list[list[float]], chance: random.Random) -> None:
    places = list(range(len(samples)))
    chance.shuffle(places)
    shuffled = [chance.sample(samples[place], len(samples[place])) for place in places]
    ranks = rate_ranks(samples)
    assert rate_ranks(shuffled) == [ranks[place] for place in places]


@given(rates)
def test_the_same_runs_share_a_speed_rank(samples: list[list[float]]) -> None:
    ranks = rate_ranks([*samples, samples[0]])
    assert ranks[0] == ranks[-1]


@pytest.mark.parametrize("sample", [[], [10.0], [10.0, 0.0]])
def test_what_has_no_ratio_has_no_speed_rank(sample: list[float]) -> None:
    assert rate_ranks([sample, [10.0, 10.1]]) == [None, 1]


def test_a_clearly_faster_model_is_alone_in_front() -> None:
    draw = np.random.default_rng(1)
    samples = [list(level + draw.normal(0, 1, 8)) for level in (100, 130, 100)]
    assert rate_ranks(samples) == [2, 1, 2]


def test_adjusted_p_values_never_fall_below_those_of_larger_differences() -> None:
    draw = np.random.default_rng(2)
    samples = [list(draw.normal(100 + 3 * place, 3, 6)) for place in range(5)]
    p_values = rate_p_values(samples)
    assert p_values[0, 4] <= p_values[0, 1]


def share_split(make: object, trials: int) -> float:
    draw = np.random.default_rng(3)
    return float(np.mean([set(make(draw)) != {1} for _ in range(trials)]))  # type: ignore[operator]


@pytest.mark.parametrize(("models", "tasks"), [(2, 100), (6, 100), (6, 10)])
def test_equal_scores_are_seldom_told_apart(models: int, tasks: int) -> None:
    """The family-wise error rate is at most 5 %; 300 trials may show 7.5 % of it by chance."""

    def ranks(draw: np.random.Generator) -> list[int]:
        chances = draw.random(tasks)
        solved = draw.random((models, tasks)) < chances
        return score_ranks([(f"m{m}", frozenset(np.flatnonzero(row).tolist())) for m, row in enumerate(solved)])

    share = share_split(ranks, 300)
    print(f"{models} equal models, {tasks} tasks: told apart in {share:.1%}")
    assert share <= 0.075


@pytest.mark.parametrize(("models", "runs"), [(2, 6), (6, 6), (6, 30)])
def test_equal_speeds_are_seldom_told_apart(models: int, runs: int) -> None:
    def ranks(draw: np.random.Generator) -> list[int | None]:
        return rate_ranks(draw.normal(100, 5, (models, runs)).tolist())

    share = share_split(ranks, 300)
    print(f"{models} equal models, {runs} runs: told apart in {share:.1%}")
    assert share <= 0.085


def test_a_fifth_more_speed_is_found_in_six_runs() -> None:
    draw = np.random.default_rng(4)
    found = 0
    for _ in range(100):
        samples = draw.normal(100, 3, (5, 6))
        samples[0] *= 1.2
        found += rate_ranks(samples.tolist()) == [1, 2, 2, 2, 2]
    print(f"a model that is 20 % faster is found in {found} % of simulations")
    assert found >= 90
