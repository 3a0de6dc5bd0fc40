"""The pure part: given the observations of a history, is the newest point worse?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from yardstick.comparison import holm, mcnemar
from yardstick.regressions.significance import least_mann_whitney, mann_whitney
from yardstick.regressions.steps import baseline, is_large, last_step

# Chance of any false suspicion in one look at all comparisons; an alarm takes two looks.
LEVEL = 0.05
# Less memory than this is the allocator's, not the model's: the same load repeats within 0.2 MB.
LEAST_BYTES = 1e6


class Verdict(StrEnum):
    """What a comparison shows."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "no change"
    TOO_FEW = "too few observations to tell"


@dataclass(frozen=True)
class Comparison:
    """The newest point of one history against the points that it is to be compared with.

    Attributes:
        before: level of the earlier points, in the unit of the observations.
        after: level of the newest point.
        is_large: whether the difference is large enough, and a step of the newest point where there is a history.
        p: two-sided p of the difference, None where the size alone decides.
        least_p: least p that so many observations can have.
        is_worse: the direction, where more is worse.
    """

    before: float
    after: float
    is_large: bool
    p: float | None
    least_p: float
    is_worse: bool


def compare_times(earlier: Sequence[Sequence[float]], newest: Sequence[float]) -> Comparison:
    """Compare times (more is worse): a step of at least 5 % in the medians, and Mann-Whitney over the observations.

    Args:
        earlier: observations of each earlier point, oldest first, at least one point; seconds.
        newest: observations of the newest point.
    """
    levels = [math.log(median(point)) for point in [*earlier, newest]]
    points = baseline(levels) or range(len(earlier))
    pooled = [value for place in points for value in earlier[place]]
    before, after = median(median(earlier[place]) for place in points), median(newest)
    return Comparison(
        before=before,
        after=after,
        is_large=is_large(last_step(levels)),
        p=mann_whitney(pooled, newest),
        least_p=least_mann_whitney(len(pooled), len(newest)),
        is_worse=after > before,
    )


def compare_sizes(earlier: Sequence[float], newest: float) -> Comparison:
    """Compare memory (more is worse): a step of at least 5 % and 1 MB; the size alone decides, since it hardly varies.

    Args:
        earlier: bytes of each earlier point, oldest first, at least one.
        newest: bytes of the newest point.
    """
    levels = [math.log(max(size, 1.0)) for size in [*earlier, newest]]
    points = baseline(levels) or range(len(earlier))
    before = median(earlier[place] for place in points)
    is_step = is_large(last_step(levels)) and abs(newest - before) >= LEAST_BYTES
    return Comparison(before, newest, is_large=is_step, p=None, least_p=0.0, is_worse=newest > before)


def compare_tasks(earlier: Mapping[str, bool], newest: Mapping[str, bool]) -> Comparison:
    """Compare solved tasks with the point before by the exact McNemar test; ``before`` and ``after`` are shares solved.

    Args:
        earlier: task -> solved, of the last earlier point.
        newest: the same of the newest point; only tasks of both count.
    """
    tasks = earlier.keys() & newest.keys()
    lost = sum(earlier[task] and not newest[task] for task in tasks)
    gained = sum(newest[task] and not earlier[task] for task in tasks)
    n = max(len(tasks), 1)
    return Comparison(
        before=sum(earlier[task] for task in tasks) / n,
        after=sum(newest[task] for task in tasks) / n,
        is_large=lost != gained,
        p=mcnemar(lost, gained),
        least_p=mcnemar(len(tasks), 0),
        is_worse=lost > gained,
    )


def decide(comparisons: Sequence[Comparison], level: float = LEVEL) -> list[Verdict]:
    """Return a verdict for each comparison, in the order given.

    Holm's correction is over all comparisons that have a p, so the chance of one false ``worse`` or ``better`` among
    all of them is at most ``level`` where observations are independent.
    """
    adjusted = dict(
        zip(
            (place for place, found in enumerate(comparisons) if found.p is not None),
            holm([found.p for found in comparisons if found.p is not None]),
            strict=True,
        )
    )
    return [_verdict(found, adjusted.get(place, 0.0), level) for place, found in enumerate(comparisons)]


def _verdict(found: Comparison, p: float, level: float) -> Verdict:
    if not found.is_large:
        return Verdict.SAME
    if p <= level:
        return Verdict.WORSE if found.is_worse else Verdict.BETTER
    return Verdict.TOO_FEW if found.least_p > level else Verdict.SAME
