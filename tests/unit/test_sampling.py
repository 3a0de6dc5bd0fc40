"""Adaptive sampling on simulated observations: it ends where it says, and its intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from yardstick.metrics.timing import Sampling, relative_interval


def sample(draw: np.random.Generator, spread: float, asked: float, *, least: int = 30, most: int = 2000) -> Sampling:
    """Return a finished sampling of gamma-distributed times with mean 1 and a relative standard deviation."""
    shape = 1 / spread**2
    sampling = Sampling(
        relative_interval=asked, least=least, most=most, least_s=0, most_s=1e9, progress=lambda _done, _total: None
    )
    for _ in sampling:
        sampling.note(draw.gamma(shape, 1 / shape))
    return sampling


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=50))
def test_the_interval_is_students(values: list[float]) -> None:
    found = relative_interval(values)
    mean, error = float(np.mean(values)), float(stats.sem(values))
    half = error * stats.t.ppf(0.975, len(values) - 1)
    assert found == pytest.approx(half / mean, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("values", [[], [1.0], [0.0, 0.0]])
def test_there_is_no_interval_without_two_values_and_a_mean(values: list[float]) -> None:
    assert relative_interval(values) is None


def test_noisier_observations_take_more_of_them() -> None:
    draw = np.random.default_rng(1)
    counts = [np.mean([len(sample(draw, spread, 0.025)._values) for _ in range(20)]) for spread in (0.02, 0.1, 0.2)]
    assert counts[0] == 30
    # n = (1.96 * spread / 0.025) ** 2: 61 and 246.
    assert counts[1] == pytest.approx(61, rel=0.25)
    assert counts[2] == pytest.approx(246, rel=0.25)


def test_the_sampling_ends_within_what_was_asked_or_says_that_it_did_not() -> None:
    draw = np.random.default_rng(2)
    for spread in (0.01, 0.1, 0.3):
        document = sample(draw, spread, 0.025, most=100).document()
        is_narrow = document["relative_interval"] <= 0.025
        assert document["stopped_by"] == ("interval" if is_narrow else "count")


@pytest.mark.parametrize("spread", [0.1, 0.2])
def test_intervals_hold_the_true_mean_about_as_often_as_they_promise(spread: float) -> None:
    """Stopping when it looks good costs a little: measured here, and said in the documentation."""
    draw = np.random.default_rng(3)
    held = 0
    for _ in range(600):
        values = sample(draw, spread, 0.025)._values
        half = relative_interval(values) * np.mean(values)
        held += abs(np.mean(values) - 1) <= half
    share = held / 600
    print(f"spread {spread}: {share:.3f} of the 95 % intervals hold the true mean")
    assert 0.92 < share < 0.98
