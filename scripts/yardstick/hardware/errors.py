"""How far predictions are off: each model, or each machine, predicted from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from yardstick.hardware.fit import Fit, Sample

LeftOut = Literal["model", "machine"]


@dataclass(frozen=True)
class Error:
    """Errors over some numbers.

    Attributes:
        median: the median of the absolute relative errors.
        p90: their 90th percentile.
        rows: numbers that were predicted.
        left_out: models or machines that were left out in turn.
    """

    median: float
    p90: float
    rows: int
    left_out: int


def left_out_estimates(samples: Sequence[Sample], names: Sequence[str], by: LeftOut) -> list[float] | None:
    """Return each sample's value as predicted from the samples of other models, or machines; None for fewer than two."""
    kinds = sorted({getattr(sample, by) for sample in samples})
    if len(kinds) < 2:
        return None
    fits = {kind: Fit([sample for sample in samples if getattr(sample, by) != kind], names) for kind in kinds}
    return [fits[getattr(sample, by)].estimate(sample) for sample in samples]


def summary(estimates: Sequence[float], measured: Sequence[float], left_out: int) -> Error:
    """Return the errors of estimates of measured numbers."""
    errors = np.abs(np.array(estimates) / np.array(measured) - 1)
    return Error(float(np.median(errors)), float(np.quantile(errors, 0.9)), len(errors), left_out)
