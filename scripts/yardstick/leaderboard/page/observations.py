"""Raw observations behind a row: each request's times, each run's tokens per second, the memory sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from yardstick.errors import YardstickError
from yardstick.leaderboard.page.interned import Interned
from yardstick.leaderboard.page.runs import machine_document, run_document
from yardstick.leaderboard.page.valid_shards import ValidShard
from yardstick.shards import Shard, read_shard

# More than a protocol asks for; it keeps a forged file from filling the page.
MOST_OBSERVATIONS = 400


def observations(results: Path, shown: Mapping[str, ValidShard], machines: Interned) -> dict[str, Any]:
    """Return metric -> raw values and what is known of the run, for the shards that one row is made of.

    Args:
        results: the folder with the shards.
        shown: metric -> the shard that the row shows. One that cannot be read any more is left out.
        machines: takes the facts of the machines.
    """
    found = {}
    for metric, valid in shown.items():
        columns, raw = _RAW[metric]
        try:
            shard = read_shard(results, valid.path, columns=columns)
        except YardstickError:
            continue
        found[metric] = {
            "at": valid.measured_at,
            "machine": machines.place(machine_document(shard.run)),
            "run": run_document(shard.run),
            **raw(shard),
        }
    return found


def rounded(value: float) -> float:
    """Keep four digits: enough for a picture, and half the bytes."""
    return float(f"{value:.4g}")


def _latency(shard: Shard) -> dict[str, Any]:
    rows = shard.rows[:MOST_OBSERVATIONS]
    times = {name: [rounded(row[name]) for row in rows] for name in ("e2e_s", "ttft_s")}
    return {"n": len(shard.rows), **times}


def _throughput(shard: Shard) -> dict[str, Any]:
    rows = shard.rows[:MOST_OBSERVATIONS]
    return {"n": len(shard.rows), "tokens_per_s": [rounded(row["output_tokens"] / row["wall_s"]) for row in rows]}


def _memory(shard: Shard) -> dict[str, Any]:
    return {"bytes": shard.rows[0]}


def _nothing(shard: Shard) -> dict[str, Any]:
    return {}


# Metric -> the columns that are read (None: all), and what is shown of them.
_RAW: dict[str, tuple[list[str] | None, Callable[[Shard], dict[str, Any]]]] = {
    "latency": (["e2e_s", "ttft_s"], _latency),
    "throughput": (["output_tokens", "wall_s"], _throughput),
    "memory": (None, _memory),
    "concurrency": ([], _nothing),
    "long_text": ([], _nothing),
}
