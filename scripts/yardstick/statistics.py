"""Intervals and percentiles that claim no more than the sample supports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

CONFIDENCE = 0.95

Interval = tuple[float, float]


def wilson_interval(successes: int, n: int) -> Interval:
    """Return the 95 % Wilson interval of a proportion, as fractions of 1.

    It is what ``scipy.stats.binomtest(successes, n).proportion_ci(method="wilson")`` returns, from the closed form:
    importing `scipy.stats` costs as long as reducing a thousand shards.

    Raises:
        ValueError: ``n`` is 0, or there are more successes than trials.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} successes of {n} trials are no proportion")
    z = _normal_quantile()
    share = successes / n
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else center - half
    high = 1.0 if successes == n else center + half
    return low, high


def mean(values: Sequence[float]) -> float:
    """Return the mean in the unit of the values, the same for any order of them."""
    return math.fsum(values) / len(values)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the 95 % Student t interval of the mean of independent runs, in their unit; None for fewer than two.

    Not a bootstrap: with six runs, resampling knows only six values and draws some of them twice, which makes its
    spread smaller by sqrt(5/6) and its tails shorter than t's with five degrees of freedom; intervals called 95 % then
    hold the true mean in about 86 % of cases.
    """
    n = len(values)
    if n < 2:
        return None
    center = mean(values)
    variance = math.fsum((value - center) ** 2 for value in values) / (n - 1)
    half = _student_quantile(n - 1) * math.sqrt(variance / n)
    return center - half, center + half


def percentile(values: Sequence[float], q: float) -> float:
    """Return the ``q`` quantile (0 to 1), linear between the two nearest values, in their unit.

    Raises:
        ValueError: there are no values, or ``q`` is outside 0 to 1.
    """
    if not values or not 0 <= q <= 1:
        raise ValueError(f"no {q} quantile of {len(values)} values")
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def least_sample(q: float) -> int:
    """Return the least n whose largest value exceeds the true ``q`` quantile with 95 % confidence.

    All n values lie below the quantile with probability ``q ** n``, which is to be at most 5 %.

    Raises:
        ValueError: ``q`` is not between 0 and 1.
    """
    if not 0 < q < 1:
        raise ValueError(f"{q} is not between 0 and 1")
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(q))


def percentile_or_reason(values: Sequence[float], q: float) -> float | str:
    """Return the ``q`` quantile in the unit of the values, or ``n/a (12<29)`` when the sample is too small for it."""
    least = least_sample(q)
    return percentile(values, q) if len(values) >= least else f"n/a ({len(values)}<{least})"


@cache
def _normal_quantile() -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + CONFIDENCE) / 2))


@cache
def _student_quantile(degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + CONFIDENCE) / 2))
