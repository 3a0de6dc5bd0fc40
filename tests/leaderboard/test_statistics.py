"""Intervals agree with scipy's own; percentiles are refused where the sample is too small."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from yardstick.statistics import (
    least_sample,
    mean,
    mean_interval,
    percentile,
    percentile_or_reason,
    student_interval,
    wilson_interval,
)

values = st.lists(st.floats(0.001, 1000), min_size=2, max_size=40)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_is_that_of_scipy(counts: tuple[int, int]) -> None:
    expected = scipy.stats.binomtest(*counts).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson_interval(*counts) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_interval_of_half_of_ten_is_wide() -> None:
    assert [round(end, 2) for end in wilson_interval(5, 10)] == [0.24, 0.76]


@pytest.mark.parametrize(("solved", "end"), [(0, 0), (10, 1)])
def test_wilson_interval_ends_exactly_at_none_and_all(solved: int, end: int) -> None:
    assert end in wilson_interval(solved, 10)


@pytest.mark.parametrize("counts", [(0, 0), (-1, 3), (4, 3)])
def test_wilson_interval_refuses_what_is_no_proportion(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        wilson_interval(*counts)


@given(values)
def test_students_interval_is_that_of_scipy(sample: list[float]) -> None:
    error = scipy.stats.sem(sample)
    interval = student_interval(sample)
    assert interval is not None
    center = float(np.mean(sample))
    half = error * scipy.stats.t.ppf(0.975, len(sample) - 1)
    assert interval == pytest.approx((center - half, center + half), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("sample", [[], [3.0]])
def test_mean_interval_needs_two_runs(sample: list[float]) -> None:
    assert mean_interval(sample) is None


@pytest.mark.parametrize("n", [6, 30, 60])
def test_mean_interval_holds_the_true_mean_as_often_as_it_says(n: int) -> None:
    """Normal and mildly skewed; the BCa bootstrap's hold it in 87 % of cases for 6 values, in 93.5 % for 30 and 60."""
    generator = np.random.default_rng(7)
    for samples in (generator.normal(10, 1, size=(4000, n)), generator.gamma(10, 1, size=(4000, n))):
        intervals = [mean_interval(list(map(float, sample))) for sample in samples]
        held = np.mean([found.low < 10 < found.high for found in filter(None, intervals)])
        assert held == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(("n", "method"), [(2, "t"), (99, "t"), (100, "bca")])
def test_mean_interval_says_how_it_was_made(n: int, method: str) -> None:
    found = mean_interval([float(value * value) for value in range(n)])
    assert found is not None
    assert found.method == method


@given(values, st.randoms())
def test_mean_does_not_depend_on_order(sample: list[float], random: object) -> None:
    shuffled = list(sample)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert mean(shuffled) == mean(sample)


@given(values, st.sampled_from([0, 0.25, 0.5, 0.9, 0.99, 1]))
def test_percentile_is_numpys_linear_one(sample: list[float], q: float) -> None:
    assert percentile(sample, q) == pytest.approx(float(np.percentile(sample, 100 * q)), rel=1e-9)


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="of 0 values"):
        percentile([], 0.5)


@pytest.mark.parametrize(("q", "n"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299)])
def test_least_sample(q: float, n: int) -> None:
    assert least_sample(q) == n


@given(st.floats(0.01, 0.999))
def test_least_sample_is_the_least_that_reaches_the_confidence(q: float) -> None:
    n = least_sample(q)
    assert q**n <= 0.05 * (1 + 1e-9)
    assert n == 1 or q ** (n - 1) > 0.05 * (1 - 1e-9)


@pytest.mark.parametrize("q", [0.0, 1.0, math.nan])
def test_least_sample_refuses_extremes(q: float) -> None:
    with pytest.raises(ValueError, match="not between"):
        least_sample(q)


def test_too_small_a_sample_gives_the_reason() -> None:
    assert percentile_or_reason([1.0] * 12, 0.9) == "n/a (12<29)"


def test_a_sample_just_large_enough_gives_the_percentile() -> None:
    assert percentile_or_reason([float(value) for value in range(29)], 0.9) == pytest.approx(25.2)
