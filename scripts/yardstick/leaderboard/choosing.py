"""Which measured rows are worth running under given limits. The page's `choosing.js` chooses in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yardstick.leaderboard.document import Row

if TYPE_CHECKING:
    from yardstick.config import Config


@dataclass(frozen=True)
class Goal:
    """One thing that people want of a model.

    Attributes:
        best: what the best one has, in words.
        of: its number of a row, None where it was not measured.
        is_more_better: whether a higher number is better.
    """

    best: str
    of: Callable[[Row], float | None]
    is_more_better: bool = True

    def gain(self, row: Row) -> float:
        """Return the number of a measured row, turned so that more is better."""
        number = self.of(row)
        assert number is not None
        return number if self.is_more_better else -number


@dataclass(frozen=True)
class Limit:
    """The most or the least that is asked of one goal.

    Attributes:
        setting: its name in the settings.
        bound: the number that was asked.
        goal: what it is held against.
        scale: units of the goal in one unit of the setting.
    """

    setting: str
    bound: float
    goal: Goal
    scale: float = 1.0

    def keeps(self, row: Row) -> bool:
        """Whether a row keeps the limit; one without the number is not known to."""
        number = self.goal.of(row)
        if number is None:
            return False
        limit = self.bound * self.scale
        return number >= limit if self.goal.is_more_better else number <= limit


def _score(row: Row) -> float | None:
    return row.reasoning.score if row.reasoning else None


def _tokens_per_s(row: Row) -> float | None:
    return row.throughput.tokens_per_s if row.throughput else None


def _needed_mb(row: Row) -> float | None:
    return row.memory.needed_mb if row.memory else None


def _typical_latency_s(row: Row) -> float | None:
    """Return the median time of a request, or the mean where there are too few requests for a median."""
    if row.latency is None:
        return None
    return row.latency.mean_s if isinstance(row.latency.p50_s, str) else row.latency.p50_s


SCORE = Goal("best score", _score)
SPEED = Goal("fastest", _tokens_per_s)
MEMORY = Goal("least memory", _needed_mb, is_more_better=False)
LATENCY = Goal("shortest latency", _typical_latency_s, is_more_better=False)
# What a model trades off against another; latency of one request says nearly the same as tokens/s.
GOALS = (SCORE, SPEED, MEMORY)


def limits_of(config: Config) -> list[Limit]:
    """Return the limits that the settings ask for."""
    asked = [
        ("memory_gb", config.memory_gb, MEMORY, 1000.0),
        ("min_reasoning", config.min_reasoning, SCORE, 1.0),
        ("min_tokens_per_s", config.min_tokens_per_s, SPEED, 1.0),
        ("max_latency_s", config.max_latency_s, LATENCY, 1.0),
    ]
    return [Limit(setting, bound, goal, scale) for setting, bound, goal, scale in asked if bound is not None]


def kept(rows: Sequence[Row], limits: Sequence[Limit]) -> list[Row]:
    """Return the rows that keep all limits."""
    return [row for row in rows if all(limit.keeps(row) for limit in limits)]


def best_tradeoffs(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that no other row beats: as good in score, tokens/s and memory, and better in one of them.

    Rows that lack one of the three cannot be compared and are left out.
    """
    measured = [row for row in rows if all(goal.of(row) is not None for goal in GOALS)]
    return [row for row in measured if not any(_beats(other, row) for other in measured)]


def _beats(one: Row, other: Row) -> bool:
    pairs = [(goal.gain(one), goal.gain(other)) for goal in GOALS]
    return all(mine >= theirs for mine, theirs in pairs) and any(mine > theirs for mine, theirs in pairs)
