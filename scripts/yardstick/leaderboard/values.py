"""Values of a shard's rows made fit for the document: checked for what no measurement yields, rounded, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from yardstick.statistics import MeanInterval, mean_interval, median_interval, percentile_or_reason

BYTES_PER_MB = 1e6
# No request, run or gap is shorter or longer than this, in seconds; outside, the file is forged or its clock broken.
_LEAST_S, _MOST_S = 1e-9, 1e9
_MOST_COUNT = 2**53

Rows = Sequence[Mapping[str, Any]]


class Implausible(Exception):
    """A value that no measurement yields."""


def seconds(rows: Rows, name: str) -> list[float]:
    """Return a column of times.

    Raises:
        Implausible: there are none, or one is no time that a request, run or gap takes.
    """
    return _plausible(rows, name, _LEAST_S, _MOST_S)


def counts(rows: Rows, name: str) -> list[int]:
    """Return a column of counts.

    Raises:
        Implausible: there are none, or one is negative or beyond what a double holds exactly.
    """
    return _plausible(rows, name, 0, _MOST_COUNT)


def _plausible(rows: Rows, name: str, least: float, most: float) -> list[Any]:
    """Return a column's values, refused when there are none or one is outside the bounds; NaN always is."""
    values = [row[name] for row in rows]
    if not values:
        raise Implausible("it holds no observations")
    if not all(least <= value <= most for value in values):
        raise Implausible(f"{name} out of bounds")
    return values


def mean_fields(values: Sequence[float]) -> dict[str, Any]:
    """Return the fields of a part that hold the interval of a mean."""
    return _interval_fields(mean_interval(values))


def rate_fields(amount: float, times_s: Sequence[float]) -> dict[str, Any]:
    """Return the fields of a part that hold the interval of ``amount`` per second, from that of the mean of the times.

    They are empty where that interval reaches 0.
    """
    found = mean_interval(times_s)
    if found is None or found.low <= 0:
        return {"interval": None, "method": None}
    return _interval_fields(MeanInterval(amount / found.high, amount / found.low, found.method))


def _interval_fields(found: MeanInterval | None) -> dict[str, Any]:
    if found is None:
        return {"interval": None, "method": None}
    return {"interval": rounded_all(found[:2]), "method": found.method}


def median_bounds(values: Sequence[float]) -> list[float] | None:
    """Return the interval of the median, None where there is none."""
    found = median_interval(values)
    return None if found is None else rounded_all(found)


def percentile_cell(values: Sequence[float], q: float) -> float | str:
    """Return a quantile, or ``n/a (12<29)``."""
    value = percentile_or_reason(values, q)
    return value if isinstance(value, str) else rounded(value)


def rounded(value: float) -> float:
    """Keep six digits: more are noise, and the last ones may differ between processors' maths libraries."""
    return float(f"{value:.6g}")


def rounded_all(values: Iterable[float]) -> list[float]:
    """Round each value. See `rounded`."""
    return [rounded(value) for value in values]
