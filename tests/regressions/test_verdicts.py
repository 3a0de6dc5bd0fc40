"""Verdicts: what the observations alone decide."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yardstick.regressions.verdicts import Verdict, compare_sizes, compare_tasks, compare_times, decide

TIMES = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=12)


def verdict(earlier: list[list[float]], newest: list[float]) -> Verdict:
    (found,) = decide([compare_times(earlier, newest)])
    return found


def noisy(seed: int, n: int = 30, *, median: float = 1.0, spread: float = 0.03) -> list[float]:
    """Return skewed times about a median, the same for a seed."""
    source = random.Random(seed)
    return [median * source.lognormvariate(0, spread) for _ in range(n)]


@settings(deadline=None)
@given(earlier=st.lists(TIMES, min_size=1, max_size=4), newest=TIMES, seed=st.integers(0, 99))
def test_the_order_of_requests_decides_nothing(earlier: list[list[float]], newest: list[float], seed: int) -> None:
    source = random.Random(seed)
    shuffled = [source.sample(point, len(point)) for point in earlier]
    assert verdict(shuffled, source.sample(newest, len(newest))) == verdict(earlier, newest)


@settings(deadline=None)
@given(point=TIMES, n=st.integers(1, 4))
def test_the_same_times_again_are_no_change(point: list[float], n: int) -> None:
    assert verdict([point] * n, point) is Verdict.SAME


@settings(deadline=None)
@given(newest=TIMES, earlier=st.lists(TIMES, min_size=1, max_size=4), factor=st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_unit_decides_nothing(newest: list[float], earlier: list[list[float]], factor: float) -> None:
    scaled = [[value * factor for value in point] for point in earlier]
    assert verdict(scaled, [value * factor for value in newest]) == verdict(earlier, newest)


@settings(deadline=None)
@given(earlier=TIMES, newest=TIMES)
def test_better_one_way_is_worse_the_other(earlier: list[float], newest: list[float]) -> None:
    mirror = {Verdict.WORSE: Verdict.BETTER, Verdict.BETTER: Verdict.WORSE}
    found = verdict([earlier], newest)
    assert verdict([newest], earlier) is mirror.get(found, found)


@settings(deadline=None)
@given(earlier=TIMES, newest=TIMES, more=st.floats(1, 100))
def test_slower_still_is_never_less_of_a_slowdown(earlier: list[float], newest: list[float], more: float) -> None:
    if verdict([earlier], newest) is Verdict.WORSE:
        assert verdict([earlier], [value * more for value in newest]) is Verdict.WORSE


@pytest.mark.parametrize("points", [1, 2, 3, 8])
def test_ten_percent_slower_is_worse_and_faster_is_better(points: int) -> None:
    earlier = [noisy(seed) for seed in range(points)]
    assert verdict(earlier, noisy(99, median=1.1)) is Verdict.WORSE
    assert verdict(earlier, noisy(99, median=1 / 1.1)) is Verdict.BETTER


@pytest.mark.parametrize("points", [1, 2, 3, 8])
def test_a_difference_below_the_least_effect_is_no_change_however_certain(points: int) -> None:
    earlier = [noisy(seed, 1000) for seed in range(points)]
    assert verdict(earlier, noisy(99, 1000, median=1.04)) is Verdict.SAME


def test_three_runs_on_each_side_cannot_tell() -> None:
    assert verdict([[1.0, 1.01, 1.02]], [2.0, 2.1, 2.2]) is Verdict.TOO_FEW
    assert verdict([noisy(1, 6)], noisy(2, 6, median=2)) is Verdict.WORSE


def test_holm_takes_all_comparisons_into_account() -> None:
    suspect = compare_times([noisy(1, 6)], noisy(2, 6, median=2))
    same = compare_times([noisy(3)], noisy(4))
    assert decide([suspect, *[same] * 20])[0] is Verdict.WORSE
    assert decide([suspect, *[same] * 40])[0] is Verdict.SAME


def test_memory_takes_five_percent_and_a_megabyte() -> None:
    def of(before: float, after: float) -> Verdict:
        return decide([compare_sizes([before], after)])[0]

    assert of(100e6, 106e6) is Verdict.WORSE
    assert of(106e6, 100e6) is Verdict.BETTER
    assert of(100e6, 104e6) is Verdict.SAME
    assert of(2e6, 2.9e6) is Verdict.SAME
    assert of(-1e6, 50e6) is Verdict.WORSE
    assert decide([compare_sizes([100e6, 101e6, 99e6], 120e6)]) == [Verdict.WORSE]


def test_scores_take_more_lost_tasks_than_chance_loses() -> None:
    def of(lost: int, gained: int, n: int = 10) -> Verdict:
        tasks = [f"task-{place}" for place in range(n)]
        earlier = dict.fromkeys(tasks, False) | dict.fromkeys(tasks[:lost], True)
        newest = dict.fromkeys(tasks, False) | dict.fromkeys(tasks[lost : lost + gained], True)
        return decide([compare_tasks(earlier, newest)])[0]

    assert of(lost=6, gained=0) is Verdict.WORSE
    assert of(lost=0, gained=6) is Verdict.BETTER
    assert of(lost=5, gained=0) is Verdict.SAME
    assert of(lost=4, gained=4) is Verdict.SAME
    assert of(lost=4, gained=0, n=4) is Verdict.TOO_FEW


def test_a_family_of_equal_points_is_rarely_suspected() -> None:
    """The bound of Holm's correction holds where requests are independent; this prints the share for the reader."""
    looks = 300
    suspected = 0
    for look in range(looks):
        family = [
            compare_times(
                [noisy(1000 * look + 10 * place, 6, spread=0.2)], noisy(1000 * look + 10 * place + 1, 6, spread=0.2)
            )
            for place in range(4)
        ]
        suspected += Verdict.WORSE in decide(family)
    print(f"a false 'worse' in {suspected} of {looks} families of 4 comparisons, 6 observations a side, spread 20 %")
    assert suspected <= 0.05 * looks
