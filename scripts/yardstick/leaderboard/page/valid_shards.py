"""What the page remembers of each valid shard; the values are read again, since only a few of them are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from yardstick.leaderboard.reduce import Summary
from yardstick.shard_paths import ShardPath

# Metric, model, machine, threads.
Key = tuple[str, str, str, int | None]


@dataclass(frozen=True)
class ValidShard:
    """A shard that counts for the leaderboard and could be read.

    Attributes:
        path: the shard.
        measured_at: when it was measured, UTC, ISO 8601.
        threads: threads it was measured with, None where the machine does not matter.
        environment: what it was measured in, as `leaderboard.json` holds it.
    """

    path: ShardPath
    measured_at: str
    threads: int | None
    environment: dict[str, Any]

    @property
    def key(self) -> Key:
        """Shards that differ only in time and environment share it."""
        return self.path.metric, self.path.model, self.path.machine, self.threads

    @property
    def age_key(self) -> tuple[str, ShardPath]:
        """Sorts the newest last, as the table's rows take it."""
        return self.measured_at, self.path


def valid_shard(summary: Summary) -> ValidShard:
    """Return what is remembered of a summary, without its observations."""
    return ValidShard(summary.path, summary.measured_at, summary.threads, summary.environment.model_dump(mode="json"))


def by_key(shards: Iterable[ValidShard]) -> dict[Key, list[ValidShard]]:
    """Return the shards of each key, the newest last."""
    groups: dict[Key, list[ValidShard]] = {}
    for shard in sorted(shards, key=lambda shard: shard.age_key):
        groups.setdefault(shard.key, []).append(shard)
    return groups
