"""Two revisions compared by blocks: the pure part."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yardstick.regressions.paired import Pair, Speed, compare_pairs, decide_pairs, pairs_needed
from yardstick.regressions.report import paired_table

TIMES = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=5)
PAIRS = st.lists(st.tuples(TIMES, TIMES), min_size=2, max_size=8)


def made(seed: int, factor: float, *, pairs: int = 12, between: float = 0.02, within: float = 0.05) -> list[Pair]:
    """Return pairs on a machine that gets slower all the time, the head's times larger by a factor."""
    source = random.Random(seed)

    def block(pair: int, level: float) -> list[float]:
        level *= (1 + 0.03 * pair) * source.lognormvariate(0, between)
        return [level * source.lognormvariate(0, within) for _ in range(12)]

    return [(block(pair, 1), block(pair, factor)) for pair in range(pairs)]


def speed(pairs: list[Pair]) -> Speed:
    (found,) = decide_pairs([compare_pairs(pairs)])
    return found


@settings(deadline=None)
@given(pairs=PAIRS)
def test_base_and_head_exchanged_exchange_the_verdict(pairs: list[Pair]) -> None:
    mirror = {Speed.SLOWER: Speed.FASTER, Speed.FASTER: Speed.SLOWER, Speed.SAME: Speed.SAME}
    assert speed([(head, base) for base, head in pairs]) is mirror[speed(pairs)]


@settings(deadline=None)
@given(pairs=PAIRS, factors=st.lists(st.sampled_from([0.25, 1.0, 4.0]), min_size=8, max_size=8))
def test_a_machine_that_changes_its_speed_between_pairs_decides_nothing(
    pairs: list[Pair], factors: list[float]
) -> None:
    scaled = [
        ([factor * value for value in base], [factor * value for value in head])
        for (base, head), factor in zip(pairs, factors, strict=False)
    ]
    assert compare_pairs(scaled).change == pytest.approx(compare_pairs(pairs).change, abs=1e-9)


@settings(deadline=None)
@given(times=TIMES, pairs=st.integers(2, 10))
def test_the_same_times_are_no_change(times: list[float], pairs: int) -> None:
    assert speed([(times, times)] * pairs) is Speed.SAME


def test_ten_percent_is_seen_through_a_drift_and_four_percent_is_not_reported() -> None:
    assert [speed(made(seed, 1.1)) for seed in range(20)] == [Speed.SLOWER] * 20
    assert [speed(made(seed, 1 / 1.1)) for seed in range(20)] == [Speed.FASTER] * 20
    assert [speed(made(seed, 1.03, between=0.001, within=0.01)) for seed in range(20)] == [Speed.SAME] * 20


def test_equal_revisions_are_rarely_told_apart_on_a_noisy_machine() -> None:
    looks = 400
    told = sum(
        Speed.SLOWER in decide_pairs([compare_pairs(made(4 * look + place, 1, between=0.2)) for place in range(4)])
        for look in range(looks)
    )
    print(f"a false 'slower' in {told} of {looks} comparisons of 4 metrics, blocks that vary by 20 %")
    # One percent, and three standard errors of so many looks.
    assert told <= 0.025 * looks


@settings(deadline=None)
@given(comparisons=st.integers(1, 100))
def test_enough_pairs_show_a_difference_though_two_pairs_go_the_other_way(comparisons: int) -> None:
    pairs = pairs_needed(comparisons)
    assert pairs % 2 == 0
    slower: list[Pair] = [([1.0], [1.2 + number / 100]) for number in range(pairs - 2)]
    odd: list[Pair] = [([1.1], [1.09]), ([1.1], [1.08])]
    found = [compare_pairs([*slower, *odd]), *[compare_pairs([([1.0], [1.0])] * pairs)] * (comparisons - 1)]
    assert decide_pairs(found)[0] is Speed.SLOWER


def test_the_table_shows_throughput_as_tokens_per_second() -> None:
    found = {
        ("mini", "latency"): compare_pairs([([0.1], [0.2])] * 8),
        ("mini", "throughput"): compare_pairs([([0.01], [0.02])] * 8),
    }
    table = paired_table(found, decide_pairs(list(found.values())), base="a" * 40, head="b" * 40)
    assert f"{'b' * 12} is slower than {'a' * 12}" in table
    assert "| mini | latency | 0.100 s | 0.200 s | +100.0 % | +100.0 % to +100.0 % | slower |" in table
    assert "| mini | throughput | 100 tokens/s | 50.0 tokens/s | -50.0 % | -50.0 % to -50.0 % | slower |" in table
    assert math.isclose(found["mini", "latency"].change, math.log(2))
