"""Histories: the shards of one model and metric on this machine, as points in time that can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from yardstick.catalog import SUITES, is_scores
from yardstick.errors import YardstickError
from yardstick.identity import Document
from yardstick.leaderboard.flags import guard_flags
from yardstick.leaderboard.stored import Run
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.shard_paths import ShardPath
from yardstick.shards import read_shard

# Metric -> the columns that a comparison reads.
COLUMNS = {
    "latency": ["e2e_s"],
    "throughput": ["output_tokens", "wall_s"],
    "memory": ["rss_before_bytes", "rss_after_bytes"],
    **{suite: ["task", "sample", "solved"] for suite in SUITES},
}
# An epoch that ends so holds the second measurement of the epoch before the mark.
_MARK = "confirm"


def confirmation_epoch(epoch: str) -> str:
    """Return the epoch under which a result of another epoch is measured a second time."""
    return f"{epoch}-{_MARK}" if epoch else _MARK


def confirmed_epoch(epoch: str) -> str | None:
    """Return the epoch that another one confirms, or None when it confirms none."""
    if epoch == _MARK:
        return ""
    return epoch.removesuffix(f"-{_MARK}") if epoch.endswith(f"-{_MARK}") else None


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        path: its shard.
        measured_at: when, UTC, ISO 8601.
        environment: what it was measured in, as stored.
        machine: what is known of the machine, as stored.
        rows: the columns of `COLUMNS`.
        flags: why its values are to be doubted.
        confirmation: the second measurement of the same, if there is one.
    """

    path: ShardPath
    measured_at: str
    environment: Document
    machine: Document
    rows: list[dict[str, Any]]
    flags: frozenset[str]
    confirmation: Point | None = None

    @property
    def surroundings(self) -> str:
        """What must be the same in points that are compared: processor, accelerators, threads, kind of device."""
        machine, environment = self.machine, self.environment
        parts = [machine.get("cpu"), machine.get("accelerators", []), environment.get("threads")]
        return json.dumps([*parts, environment.get("device")])

    @property
    def times(self) -> list[float]:
        """Seconds of each request, or seconds per token of each run."""
        if self.path.metric == "latency":
            return [row["e2e_s"] for row in self.rows]
        return [row["wall_s"] / max(row["output_tokens"], 1) for row in self.rows]

    @property
    def size(self) -> float:
        """Bytes by which loading the model grew the process tree."""
        return float(self.rows[0]["rss_after_bytes"] - self.rows[0]["rss_before_bytes"])

    @property
    def tasks(self) -> dict[str, bool]:
        """Task -> solved by the greedy answer."""
        return {row["task"]: row["solved"] for row in self.rows if row["sample"] is None}


@dataclass(frozen=True)
class History:
    """The newest point of a model and metric, and the earlier ones that it can be compared with, oldest first."""

    entry: ModelEntry
    metric: str
    earlier: list[Point]
    newest: Point


def histories(plan: Plan, entries: Iterable[ModelEntry], results: Path, threads: int) -> Iterator[History]:
    """Yield the history of each model and metric of which this machine has a result of the current definition.

    Raises:
        YardstickError: a shard cannot be read.
    """
    for entry in entries:
        if plan.obstacle(entry):
            continue
        for metric in COLUMNS:
            points = [read_point(results, path) for path in plan.valid(metric, entry) if path.machine == plan.machine]
            points = [point for point in points if point.environment.get("threads", threads) == threads]
            points = sorted(_with_confirmations(points), key=lambda point: (point.measured_at, point.path))
            if points:
                newest = points[-1]
                earlier = [point for point in points[:-1] if point.surroundings == newest.surroundings]
                yield History(entry, metric, earlier, newest)


def read_point(results: Path, path: ShardPath) -> Point:
    """Return a shard as a point; a `YardstickError` names one that cannot be read."""
    shard = read_shard(results, path, columns=COLUMNS[path.metric])
    file = path.below(results)
    try:
        run = Run.model_validate(shard.run)
        machine = dict(shard.run.get("machine") or {})
        point = Point(path, run.measured_at, shard.identity["environment"], machine, shard.rows, _flags(path, run))
        _check(point)
    except (ValidationError, ValueError, TypeError, AttributeError, IndexError):
        raise YardstickError(f"{file}: its content cannot be true; delete it, it is not read") from None
    return point


def _flags(path: ShardPath, run: Run) -> frozenset[str]:
    if run.guards is None or is_scores(path.metric):
        return frozenset()
    return frozenset(guard_flags(run.guards, is_timing=path.metric != "memory"))


def _check(point: Point) -> None:
    """Refuse what no measurement yields, and what has no logarithm."""
    if point.path.metric in {"latency", "throughput"} and not all(0 < value < 1e9 for value in point.times or [0.0]):
        raise ValueError("times out of bounds")
    if point.path.metric == "memory" and not abs(point.size) < 1e18:
        raise ValueError("size out of bounds")


def _with_confirmations(points: Iterable[Point]) -> list[Point]:
    """Return points with their second measurements attached to them; one whose first is gone stands for itself."""
    firsts: dict[str, Point] = {}
    seconds: dict[str, Point] = {}
    for point in points:
        epoch = confirmed_epoch(str(point.environment.get("epoch", "")))
        key = _environment_key(point.environment, epoch)
        (firsts if epoch is None else seconds)[key] = point
    joined = {key: replace(point, confirmation=seconds.get(key)) for key, point in firsts.items()}
    return [*joined.values(), *(point for key, point in seconds.items() if key not in joined)]


def _environment_key(environment: Mapping[str, Any], epoch: str | None) -> str:
    return json.dumps(dict(environment) | ({} if epoch is None else {"epoch": epoch}), sort_keys=True)
