"""The pure part of comparing two revisions: given pairs of blocks measured side by side, is the head slower?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from yardstick.comparison import holm
from yardstick.regressions.significance import signed_rank
from yardstick.regressions.steps import is_large
from yardstick.statistics import Interval, student_interval

# Chance of any false `slower` in one comparison of two revisions.
LEVEL = 0.01
LEAST_PAIRS = 2

# Times of the observations in one block of the base and in the block of the head beside it.
Pair = tuple[Sequence[float], Sequence[float]]


class Speed(StrEnum):
    """What a comparison of two revisions shows."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "no change"


@dataclass(frozen=True)
class PairedComparison:
    """One metric of one model on two revisions.

    Attributes:
        base: median over the blocks of the base of their median times.
        head: the same of the head.
        change: median over the pairs of the logarithm of head over base; above 0 is slower.
        interval: 95 % Student t interval of that logarithm's mean, None for too few pairs.
        p_slower: one-sided p of Wilcoxon's signed-rank test over the pairs.
        p_faster: the same the other way.
    """

    base: float
    head: float
    change: float
    interval: Interval | None
    p_slower: float
    p_faster: float


def pairs_needed(comparisons: int) -> int:
    """Return an even number of pairs with which a difference can be shown, two pairs of them going the wrong way.

    The p of n pairs is 1/2^n where all go one way, and 5/2^n where the two smallest differences go the other way.
    """
    least = math.ceil(math.log2(5 * max(comparisons, 1) / LEVEL))
    return max(LEAST_PAIRS, least + least % 2)


def compare_pairs(pairs: Sequence[Pair]) -> PairedComparison:
    """Compare times of two revisions. Only what was measured side by side is held against each other.

    A change of the machine's speed that outlasts a pair is in both of its blocks; the differences within a process are
    not taken for differences between processes, since each block counts once.
    """
    levels = [(math.log(median(base)), math.log(median(head))) for base, head in pairs]
    differences = [head - base for base, head in levels]
    return PairedComparison(
        base=math.exp(median(base for base, _ in levels)),
        head=math.exp(median(head for _, head in levels)),
        change=median(differences),
        interval=student_interval(differences),
        p_slower=signed_rank(differences),
        p_faster=signed_rank([-difference for difference in differences]),
    )


def decide_pairs(comparisons: Sequence[PairedComparison]) -> list[Speed]:
    """Return a verdict for each comparison; Holm's correction is over all of them, each way alone."""
    slower, faster = holm([found.p_slower for found in comparisons]), holm([found.p_faster for found in comparisons])
    return [_speed(*found) for found in zip(comparisons, slower, faster, strict=True)]


def _speed(found: PairedComparison, p_slower: float, p_faster: float) -> Speed:
    if not is_large(found.change):
        return Speed.SAME
    if found.change > 0 and p_slower <= LEVEL:
        return Speed.SLOWER
    return Speed.FASTER if found.change < 0 and p_faster <= LEVEL else Speed.SAME
