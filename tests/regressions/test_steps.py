"""Steps in a history: found where they are, and nowhere else."""

from __future__ import annotations

import itertools
import math
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yardstick.regressions.steps import baseline, is_large, last_step, noise, segment_starts

LEVELS = st.lists(st.floats(-5, 5).map(lambda value: round(value, 3)), min_size=1, max_size=8)


def total_cost(levels: list[float], starts: tuple[int, ...]) -> float:
    ends = [*starts[1:], len(levels)]
    pieces = [levels[start:end] for start, end in zip(starts, ends, strict=True)]
    spread = sum(sum((level - mean(piece)) ** 2 for level in piece) for piece in pieces)
    return spread + (len(pieces) - 1) * 3 * noise(levels) ** 2 * math.log(max(len(levels), 2))


@settings(deadline=None)
@given(levels=LEVELS)
def test_no_other_segmentation_costs_less(levels: list[float]) -> None:
    inner = range(1, len(levels))
    all_starts = [(0, *cuts) for count in range(len(levels)) for cuts in itertools.combinations(inner, count)]
    least = min(total_cost(levels, starts) for starts in all_starts)
    assert total_cost(levels, tuple(segment_starts(levels))) == pytest.approx(least, abs=1e-9)


@settings(deadline=None)
@given(steps=st.lists(st.integers(-300, 300), min_size=1, max_size=8), offset=st.integers(-9, 9))
def test_a_change_of_unit_changes_nothing(steps: list[int], offset: int) -> None:
    levels = [step / 64 for step in steps]
    assert segment_starts([level + offset for level in levels]) == segment_starts(levels)
    assert last_step([level + offset for level in levels]) == last_step(levels)


@settings(deadline=None)
@given(n=st.integers(3, 30), level=st.floats(-5, 5))
def test_a_constant_history_has_no_step(n: int, level: float) -> None:
    assert segment_starts([level] * n) == [0]
    assert baseline([level] * n) is None
    assert last_step([level] * n) == 0


@settings(deadline=None)
@given(n=st.integers(2, 30), step=st.floats(0.05, 2))
def test_a_step_of_the_last_point_is_found_in_its_full_height(n: int, step: float) -> None:
    levels = [0.0] * n + [step]
    assert baseline(levels) == range(n)
    assert last_step(levels) == pytest.approx(step)


@settings(deadline=None)
@given(before=st.integers(2, 10), after=st.integers(1, 10))
def test_a_step_is_told_once(before: int, after: int) -> None:
    levels = [0.0] * before + [0.2] * after
    assert last_step(levels) == (pytest.approx(0.2) if after == 1 else 0)


def test_one_odd_fast_point_is_no_level_to_fall_behind() -> None:
    assert not is_large(last_step([0.0, 0.0, 0.0, -0.3, 0.0]))


def test_a_slow_drift_is_told_once_its_sum_is_large() -> None:
    drift = [0.012 * week for week in range(12)]
    told = [is_large(last_step(drift[: week + 1])) for week in range(1, 12)]
    assert any(told)


def test_a_noisy_history_hides_what_a_quiet_one_shows() -> None:
    quiet, noisy = [0.0, 0.004, -0.003, 0.002, 0.0, -0.004], [0.0, 0.1, -0.09, 0.08, -0.05, 0.07]
    assert is_large(last_step([*quiet, 0.1]))
    assert not is_large(last_step([*noisy, 0.1]))


def test_two_points_are_compared_as_they_are() -> None:
    assert last_step([0.0, 0.07]) == pytest.approx(0.07)
    assert last_step([0.5]) == 0


def test_the_least_effect_is_five_percent_either_way() -> None:
    assert is_large(math.log(1.05))
    assert is_large(-math.log(1.05))
    assert not is_large(math.log(1.049))
