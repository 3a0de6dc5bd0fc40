"""Fitted factors, intervals and errors, on invented machines whose laws are known."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yardstick.hardware.errors import left_out_estimates, summary
from yardstick.hardware.fit import UNFITTED, Fit, Sample

NAMES = ("matrices", "operations", "step")


def sample(size: float, layers: float, *, value: float = math.nan, family: str = "llama", model: str = "") -> Sample:
    terms = {"matrices": size, "operations": layers * 1e-4, "step": 1e-3}
    return Sample(terms, {family: 1.0}, (math.log(size), math.log(layers)), value, model, "box")


def law(size: float, layers: float, family: str = "llama") -> float:
    """Return what a machine takes where operations cost twice and one family 10 % more."""
    return (1.3 * size + 2 * layers * 1e-4 + 0.5e-3) * (1.1 if family == "gpt2" else 1.0)


def samples(*, noise: float = 0.0, count: int = 30) -> list[Sample]:
    chance = random.Random(3)
    found = []
    for number in range(count):
        size, layers = math.exp(chance.uniform(-8, -1)), chance.randint(2, 32)
        family = chance.choice(["llama", "gpt2"])
        value = law(size, layers, family) * math.exp(chance.gauss(0, noise))
        found.append(sample(size, layers, value=value, family=family, model=f"m{number}"))
    return found


def test_finds_the_law_behind_the_numbers() -> None:
    fit = Fit(samples(), NAMES)

    for size, layers, family in [(0.001, 4, "llama"), (0.1, 30, "gpt2"), (0.01, 12, "llama")]:
        assert fit.estimate(sample(size, layers, family=family)) == pytest.approx(law(size, layers, family), rel=0.06)


def test_one_disturbed_row_does_not_spoil_the_others() -> None:
    rows = samples()
    spoilt = [*rows[:-1], sample(*(math.exp(p) for p in rows[-1].place), value=rows[-1].value * 40, model="bad")]

    assert Fit(spoilt, NAMES).estimate(sample(0.01, 12)) == pytest.approx(law(0.01, 12), rel=0.08)


def test_without_measurements_it_is_a_roofline_and_says_how_unsure_that_is() -> None:
    found = Fit([], NAMES).predict(sample(0.01, 10))

    assert found.value == pytest.approx(0.01 + 10e-4 + 1e-3)
    assert found.is_extrapolated
    assert found.high / found.value >= math.exp(UNFITTED)


def test_is_honest_when_it_extrapolates() -> None:
    fit = Fit(samples(), NAMES)
    fit.width = 0.1
    inside, outside, far = fit.predict(sample(0.01, 12)), fit.predict(sample(5, 12)), fit.predict(sample(500, 12))

    assert [found.is_extrapolated for found in (inside, outside, far)] == [False, True, True]
    widths = [found.high / found.low for found in (inside, outside, far)]
    assert widths == sorted(widths)
    assert widths[0] == pytest.approx(math.exp(0.2))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=30, max_size=30))
def test_a_mixture_of_measured_models_is_never_outside(weights: list[float]) -> None:
    rows = samples()
    total = sum(weights)
    place = [
        sum(weight / total * row.place[axis] for weight, row in zip(weights, rows, strict=True)) for axis in (0, 1)
    ]

    assert Fit(rows, NAMES).distance(sample(math.exp(place[0]), math.exp(place[1]))) < 1e-6


def test_left_out_models_are_predicted_from_the_others_alone() -> None:
    rows = samples(noise=0.02)
    estimates = left_out_estimates(rows, NAMES, "model")
    changed = [*rows[:-1], replace(rows[-1], value=1e6)]
    with_another = left_out_estimates(changed, NAMES, "model")

    assert estimates is not None
    assert with_another is not None
    found = summary(estimates, [row.value for row in rows], len(rows))
    assert found.median < 0.05
    # What was measured of a model does not enter its own prediction, but those of the others.
    assert with_another[-1] == estimates[-1]
    assert with_another[:-1] != estimates[:-1]


def test_one_machine_cannot_be_left_out() -> None:
    assert left_out_estimates(samples(), NAMES, "machine") is None


def test_errors_are_relative_to_what_was_measured() -> None:
    found = summary([1.1, 2.0, 0.5], [1.0, 2.0, 1.0], 3)

    assert (found.median, found.rows) == (pytest.approx(0.1), 3)
    assert found.p90 == pytest.approx(0.42)
