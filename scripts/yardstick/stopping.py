"""When to stop answering: the interval of the score is as narrow as asked."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from yardstick.statistics import wilson_interval
from yardstick.suites.base import BaseSuite
from yardstick.suites.items import Asked, Item


class ScoreStopping:
    """Scores answers as they come, each once.

    Looking again after each block can stop early by luck: docs/suites.md says how often the interval is then wrong.
    """

    def __init__(self, suite: BaseSuite, asked: Asked, items: Sequence[Item], *, half_width: float, least: int) -> None:
        self._score = importlib.import_module(suite.scorer).score
        self._is_chat = asked.is_chat
        self._items = {item.id: item for item in items}
        self._half_width, self._least = half_width, least
        self._solved: dict[str, bool] = {}

    def is_enough(self, answered: Mapping[str, list[dict[str, Any]]]) -> bool:
        """Tell whether half the 95 % Wilson interval of the greedy answers' score is at most what was asked."""
        for task, rows in answered.items():
            if task not in self._solved:
                self._solved[task] = self._score(self._items[task], rows[0], is_chat=self._is_chat).solved
        if len(self._solved) < self._least:
            return False
        low, high = wilson_interval(sum(self._solved.values()), len(self._solved))
        return (high - low) / 2 <= self._half_width
