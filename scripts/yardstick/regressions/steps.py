"""Steps in a history: the segments of constant level that explain a series best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median, median_low

# A difference below this factor is not reported, however certain it is.
LEAST_EFFECT = 1.05
# Repeated measurements on a quiet machine differ by about this share; a short history can look quieter by luck.
NOISE_FLOOR = 0.01
# Cost of one more segment in units of noise variance times ln n: Zhang and Siegmund (2007), modified BIC.
_PENALTY = 3.0


def segment_starts(levels: Sequence[float]) -> list[int]:
    """Return where the segments of a series begin, 0 first.

    Exact optimal partitioning: least sum of squares around the segments' means plus a penalty for each segment.

    Args:
        levels: logarithms of positive values, oldest first.
    """
    n = len(levels)
    sums, squares = [0.0], [0.0]
    for level in levels:
        sums.append(sums[-1] + level - levels[0])
        squares.append(squares[-1] + (level - levels[0]) ** 2)

    def cost(start: int, end: int) -> float:
        return squares[end] - squares[start] - (sums[end] - sums[start]) ** 2 / (end - start)

    penalty = _PENALTY * noise(levels) ** 2 * math.log(max(n, 2))
    best, last_start = [-penalty], [0]
    for end in range(1, n + 1):
        total, start = min((best[start] + cost(start, end) + penalty, start) for start in range(end))
        best.append(total)
        last_start.append(start)
    starts, end = [], n
    while end > 0:
        end = last_start[end]
        starts.append(end)
    return starts[::-1]


def noise(levels: Sequence[float]) -> float:
    """Return the standard deviation between neighbouring points, robust to steps, at least `NOISE_FLOOR`."""
    changes = [abs(after - before) for before, after in pairwise(levels)]
    # The lower median: of the two changes in a history of three points, one may be the step itself.
    return max(NOISE_FLOOR, 1.4826 * median_low(changes) / math.sqrt(2)) if changes else NOISE_FLOOR


def baseline(levels: Sequence[float]) -> range | None:
    """Return the points that the last one is to be compared with, or None when it does not differ from them.

    Two points are compared as they are. With three and more, the last one must lie in another segment than those
    before; of these, the last that has two points or more is taken, since a single odd point is no level.
    """
    n = len(levels)
    if n < 3:
        return range(n - 1) if n == 2 else None
    starts = segment_starts(levels)
    if len(starts) == 1:
        return None
    segments = [range(start, end) for start, end in pairwise(starts)]
    return next((segment for segment in reversed(segments) if len(segment) > 1), segments[-1])


def last_step(levels: Sequence[float]) -> float:
    """Return by how much the last point lies above its baseline, 0 where it does not differ or differed before.

    A step is the last point's own only if no shorter history, which ends within the same segment, shows it.
    """
    change = _change(levels)
    if change == 0 or len(levels) < 3:
        return change
    start = segment_starts(levels)[-1]
    known = (_change(levels[:end]) for end in range(start + 1, len(levels)))
    return 0.0 if any(earlier * change > 0 and is_large(earlier) for earlier in known) else change


def is_large(change: float) -> bool:
    """Tell whether a difference of logarithms is at least the least effect, either way."""
    return abs(change) >= math.log(LEAST_EFFECT) - 1e-12


def _change(levels: Sequence[float]) -> float:
    points = baseline(levels)
    return 0.0 if points is None else levels[-1] - median(levels[place] for place in points)
