"""What a metric is told and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# Told (done, total) between two observations.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Observations:
    """The rows of a shard, and what is to be known of how they came about.

    Attributes:
        rows: one mapping per observation, keys as in the shard's columns.
        sampling: what ended the sampling, empty where a metric has a fixed number of observations.
    """

    rows: list[dict[str, Any]]
    sampling: dict[str, Any] = field(default_factory=dict)
