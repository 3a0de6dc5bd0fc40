"""Which shards are superseded: all but the newest valid one of each model, metric, machine and number of threads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from yardstick.shard_paths import ShardPath


@dataclass(frozen=True)
class Dated:
    """What decides whether a shard is superseded.

    Attributes:
        path: the shard.
        threads: threads it was measured with, None where they do not matter.
        measured_at: when it was measured, UTC, ISO 8601; texts sort as the times do.
        is_valid: whether its definition is current.
    """

    path: ShardPath
    threads: int | None
    measured_at: str
    is_valid: bool


def superseded(shards: Iterable[Dated]) -> list[ShardPath]:
    """Return the shards that are not the newest valid one of their kind, sorted."""
    known = list(shards)
    newest: dict[tuple[str, str, str, int | None], Dated] = {}
    for shard in known:
        key = shard.path.metric, shard.path.model, shard.path.machine, shard.threads
        if shard.is_valid and (key not in newest or _age(newest[key]) < _age(shard)):
            newest[key] = shard
    kept = {shard.path for shard in newest.values()}
    return sorted(shard.path for shard in known if shard.path not in kept)


def _age(shard: Dated) -> tuple[str, ShardPath]:
    """Sort the newest last, as the leaderboard does."""
    return shard.measured_at, shard.path
