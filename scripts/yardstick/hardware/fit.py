"""Factors of the terms, fitted on what was measured: few of them, each held near one, so that no data means a roofline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, linprog

from yardstick.hardware.terms import Terms

_Array = NDArray[np.float64]

# Standard deviations of logarithms: how far a factor may be from one, a remainder from nothing, a row from its fit.
_FACTOR_SD, _OFFSET_SD, _NOISE_SD = 0.7, 0.15, 0.1
# Bytes of weights are known; what is not can be learnt from few models only if this is not learnt, too.
_FACTOR_SDS = {"weights": 0.01, "stored": 0.01, "rows": 0.5}
# Half the 90 % interval, as a logarithm, of a roofline that nothing was fitted to.
UNFITTED = 1.1
# The same for bytes, of which the weights are known.
UNFITTED_BYTES = 0.3
# At least so wide is any interval: machines drift.
_LEAST_WIDTH = 0.05
# How much wider per unit (a factor of e in one feature) that a query lies outside of what was fitted.
_WIDER_PER_UNIT, _WIDER_PER_UNIT_BYTES = 0.35, 0.08


@dataclass(frozen=True)
class Sample:
    """One measured number, or one that is asked for.

    Attributes:
        terms: parts of it by first principles.
        marks: circumstances of which each may add a little, name -> 0 or 1.
        place: logarithms of what tells whether a query is like what was measured.
        value: what was measured; NaN in a query.
        model: the model, to leave out.
        machine: the machine, to leave out.
    """

    terms: Terms
    marks: Mapping[str, float]
    place: tuple[float, ...]
    value: float = float("nan")
    model: str = ""
    machine: str = ""


@dataclass(frozen=True)
class Predicted:
    """A predicted number.

    Attributes:
        value: the most likely one.
        low: lower end of its 90 % interval.
        high: upper end.
        is_extrapolated: whether the query lies outside of what was measured.
    """

    value: float
    low: float
    high: float
    is_extrapolated: bool


class Fit:
    """A fitted model: a sum of terms with factors, times small remainders of circumstances."""

    def __init__(self, samples: Sequence[Sample], names: Sequence[str]) -> None:
        """Fit on samples; without any, the factors are one.

        Args:
            samples: what was measured.
            names: names of the terms, in every sample.
        """
        self._names = tuple(names)
        self._marks = tuple(sorted({mark for sample in samples for mark in sample.marks}))
        self._places = np.array([sample.place for sample in samples])
        self._x = np.zeros(len(self._names) + len(self._marks))
        self._is_bytes = "weights" in self._names
        self.width = UNFITTED_BYTES if self._is_bytes else UNFITTED
        if samples:
            self._x = self._solve(samples)

    def factors(self) -> dict[str, float]:
        """Return term -> its factor."""
        return dict(zip(self._names, np.exp(self._x[: len(self._names)]).tolist(), strict=True))

    def estimate(self, sample: Sample) -> float:
        """Return the most likely value."""
        return float(np.exp(self._logs(self._x, *self._arrays([sample]))[0]))

    def share(self, sample: Sample, name: str) -> float:
        """Return how much of the most likely value a term makes, 0 to 1."""
        parts = {term: sample.terms[term] * factor for term, factor in self.factors().items()}
        return parts[name] / sum(parts.values())

    def predict(self, sample: Sample) -> Predicted:
        """Return the value with its interval, wider the farther the sample lies from what was measured."""
        value = self.estimate(sample)
        away = self.distance(sample)
        wider = _WIDER_PER_UNIT_BYTES if self._is_bytes else _WIDER_PER_UNIT
        width = max(self.width, _LEAST_WIDTH) + wider * away
        return Predicted(value, value * float(np.exp(-width)), value * float(np.exp(width)), away > 1e-6)

    def distance(self, sample: Sample) -> float:
        """Return how far a sample lies outside the convex hull of what was fitted, in logarithms; 0 inside."""
        if not len(self._places):
            return 1.0
        return _distance(self._places, np.array(sample.place))

    def _solve(self, samples: Sequence[Sample]) -> _Array:
        terms, marks = self._arrays(samples)
        values = np.log([sample.value for sample in samples])
        # Models that were measured more often weigh as much as the others.
        counts = {model: sum(sample.model == model for sample in samples) for model in {s.model for s in samples}}
        weights = np.array([1 / counts[sample.model] for sample in samples])
        scale = np.sqrt(weights * len(samples) / weights.sum()) / _NOISE_SD
        priors = np.array([_FACTOR_SDS.get(name, _FACTOR_SD) for name in self._names] + [_OFFSET_SD] * len(self._marks))

        def residuals(x: _Array) -> _Array:
            return np.concatenate([(self._logs(x, terms, marks) - values) * scale, x / priors])

        def slopes(x: _Array) -> _Array:
            parts = terms * np.exp(x[: len(self._names)])
            shares = parts / np.maximum(parts.sum(axis=1, keepdims=True), 1e-30)
            return np.concatenate([np.hstack([shares, marks]) * scale[:, None], np.diag(1 / priors)])

        found: _Array = least_squares(residuals, self._x, jac=slopes, loss="soft_l1", f_scale=2.0).x
        return found

    def _arrays(self, samples: Sequence[Sample]) -> tuple[_Array, _Array]:
        terms = np.array([[sample.terms[name] for name in self._names] for sample in samples])
        marks = np.array([[sample.marks.get(mark, 0.0) for mark in self._marks] for sample in samples])
        return terms, marks.reshape(len(samples), len(self._marks))

    def _logs(self, x: _Array, terms: _Array, marks: _Array) -> _Array:
        factors, offsets = x[: len(self._names)], x[len(self._names) :]
        logs: _Array = np.log(np.maximum(terms @ np.exp(factors), 1e-30)) + marks @ offsets
        return logs


def _distance(points: _Array, wanted: _Array) -> float:
    """Return the least L1 distance from a point to the convex hull of others, by a linear program."""
    count, size = points.shape
    # Unknown are the weights of the points, and by how much each coordinate is missed, upwards and downwards.
    cost = np.concatenate([np.zeros(count), np.ones(2 * size)])
    equal = np.block([[points.T, np.eye(size), -np.eye(size)], [np.ones((1, count)), np.zeros((1, 2 * size))]])
    found = linprog(cost, A_eq=equal, b_eq=np.append(wanted, 1.0), bounds=(0, None), method="highs")
    return float(found.fun) if found.success else float("inf")
