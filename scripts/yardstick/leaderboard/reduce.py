"""One shard reduced to its summary: the raw rows are read, checked and let go at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from yardstick.catalog import ANSWERS, METRICS, SCORES
from yardstick.errors import YardstickError
from yardstick.identity import Document
from yardstick.leaderboard.document import (
    CategoryScore,
    Environment,
    Latency,
    Memory,
    Part,
    Reasoning,
    Throughput,
    TimeToFirstToken,
)
from yardstick.leaderboard.flags import guard_flags, repeat_flags, short_flags
from yardstick.leaderboard.stored import Run, StoredEnvironment
from yardstick.shard_paths import ShardPath
from yardstick.shards import read_shard
from yardstick.statistics import mean, mean_interval, percentile_or_reason, wilson_interval

_BYTES_PER_MB = 1e6
# No request, run or gap is shorter or longer than this, in seconds; outside, the file is forged or its clock broken.
_LEAST_S, _MOST_S = 1e-9, 1e9
_MOST_COUNT = 2**53

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Summary:
    """What a row of the leaderboard takes from one shard.

    Attributes:
        path: the shard.
        measured_at: when it was measured, UTC, ISO 8601; texts sort as the times do.
        environment: what it was measured in.
        threads: threads it was measured with, None where the machine does not matter.
        parts: fields of `document.Row`.
        flags: names of `flags.FLAGS`.
    """

    path: ShardPath
    measured_at: str
    environment: Environment
    threads: int | None
    parts: Mapping[str, Part]
    flags: frozenset[str]

    @property
    def age_key(self) -> tuple[str, ShardPath]:
        """Sorts the newest last, the greater path last where times are equal."""
        return self.measured_at, self.path


@dataclass(frozen=True)
class _Reduced:
    parts: Mapping[str, Part]
    flags: set[str]


def summarize(results: Path, path: ShardPath) -> Summary:
    """Read one shard and reduce it.

    Raises:
        YardstickError: the file is broken, forged or of another identity; it is named.
    """
    columns, reduce = _REDUCERS[path.metric]
    shard = read_shard(results, path, columns=columns)
    file = path.below(results)
    try:
        run = Run.model_validate(shard.run)
        stored = StoredEnvironment.model_validate(shard.identity["environment"])
        reduced = reduce(shard.rows, shard.identity["definition"], run, path)
        flags = reduced.flags | _guard_flags(path.metric, run, stored)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise YardstickError(
            f"{file}: what it says of its run is not valid ({where}); delete it, it is not read"
        ) from None
    except _Implausible as error:
        raise YardstickError(f"{file}: its values cannot be true ({error}); delete it, it is not read") from None
    environment = Environment(packages=dict(sorted(stored.packages.items())), python=stored.python, epoch=stored.epoch)
    return Summary(path, run.measured_at, environment, stored.threads, reduced.parts, frozenset(flags))


class _Implausible(Exception):
    """A value that no measurement yields."""


def _guard_flags(metric: str, run: Run, stored: StoredEnvironment) -> set[str]:
    if metric == SCORES or not METRICS[metric].is_machine_bound:
        return set()
    if run.guards is None or stored.threads is None:
        raise _Implausible("guard rails or threads are missing")
    return guard_flags(run.guards, is_timing=metric != "memory")


def _reduce_answers(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    return _Reduced({}, set())


def _reduce_reasoning(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    expected = definition["expected"]
    if sorted(row["task"] for row in rows) != sorted(expected):
        raise _Implausible("its tasks are not those of the suite")
    asked = Counter(task["category"] for task in expected.values())
    solved = Counter(expected[row["task"]]["category"] for row in rows if row["solved"])
    reasoning = Reasoning(
        score=_rounded(solved.total() / len(rows)),
        solved=solved.total(),
        n=len(rows),
        interval=_rounded_all(wilson_interval(solved.total(), len(rows))),
        by_category={name: CategoryScore(solved=solved[name], n=asked[name]) for name in sorted(asked)},
        measured_at=run.measured_at,
        machine=path.machine,
    )
    return _Reduced({"reasoning": reasoning}, set())


def _reduce_latency(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    e2e_s, ttft_s = _seconds(rows, "e2e_s"), _seconds(rows, "ttft_s")
    tokens = _counts(rows, "output_tokens")
    latency = Latency(
        mean_s=_rounded(mean(e2e_s)),
        p50_s=_percentile(e2e_s, 0.5),
        p90_s=_percentile(e2e_s, 0.9),
        n=len(rows),
        output_tokens=min(tokens),
    )
    ttft = TimeToFirstToken(mean_s=_rounded(mean(ttft_s)), p50_s=_percentile(ttft_s, 0.5))
    flags = short_flags(tokens, definition["protocol"]["max_new_tokens"]) | repeat_flags(rows)
    return _Reduced({"latency": latency, "ttft": ttft}, flags)


def _reduce_throughput(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    tokens, wall_s = _counts(rows, "output_tokens"), _seconds(rows, "wall_s")
    rates = [count / seconds for count, seconds in zip(tokens, wall_s, strict=True)]
    interval = mean_interval(rates)
    throughput = Throughput(
        tokens_per_s=_rounded(mean(rates)),
        interval=None if interval is None else _rounded_all(interval),
        n=len(rows),
    )
    protocol = definition["protocol"]
    return _Reduced(
        {"throughput": throughput}, short_flags(tokens, protocol["max_new_tokens"] * len(protocol["prompts"]))
    )


def _reduce_memory(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    if len(rows) != 1:
        raise _Implausible(f"{len(rows)} rows where one is measured")
    size = {name.removesuffix("_bytes"): _counts(rows, name)[0] / _BYTES_PER_MB for name in _MEMORY_COLUMNS}
    memory = Memory(
        increment_mb=_rounded(size["rss_after"] - size["rss_before"]),
        peak_load_mb=_rounded(size["peak_load"] - size["rss_before"]),
        peak_decode_mb=_rounded(size["peak_decode"] - size["rss_before"]),
        pss_mb=_rounded(size["pss_after"] - size["pss_before"]) if size["pss_after"] else None,
        uss_mb=_rounded(size["uss_after"] - size["uss_before"]) if size["uss_after"] else None,
        accelerator_mb=_rounded(size["accelerator"]),
    )
    return _Reduced({"memory": memory}, set())


_MEMORY_COLUMNS = [
    "rss_before_bytes",
    "pss_before_bytes",
    "uss_before_bytes",
    "rss_after_bytes",
    "pss_after_bytes",
    "uss_after_bytes",
    "peak_load_bytes",
    "peak_decode_bytes",
    "accelerator_bytes",
]
# Metric -> the columns that are read, and what makes a part of a row of them.
_REDUCERS: dict[str, tuple[list[str], Callable[[Rows, Document, Run, ShardPath], _Reduced]]] = {
    ANSWERS: (["task"], _reduce_answers),
    SCORES: (["task", "solved"], _reduce_reasoning),
    "latency": (["prompt", "output_tokens", "ttft_s", "e2e_s", "output_hash"], _reduce_latency),
    "throughput": (["output_tokens", "wall_s"], _reduce_throughput),
    "memory": (_MEMORY_COLUMNS, _reduce_memory),
}


def _seconds(rows: Rows, name: str) -> list[float]:
    return _plausible(rows, name, _LEAST_S, _MOST_S)


def _counts(rows: Rows, name: str) -> list[int]:
    return _plausible(rows, name, 0, _MOST_COUNT)


def _plausible(rows: Rows, name: str, least: float, most: float) -> list[Any]:
    """Return a column's values, refused when there are none or one is outside the bounds; NaN always is."""
    values = [row[name] for row in rows]
    if not values:
        raise _Implausible("it holds no observations")
    if not all(least <= value <= most for value in values):
        raise _Implausible(f"{name} out of bounds")
    return values


def _percentile(values: Sequence[float], q: float) -> float | str:
    value = percentile_or_reason(values, q)
    return value if isinstance(value, str) else _rounded(value)


def _rounded(value: float) -> float:
    """Keep six digits: more are noise, and the last ones may differ between processors' maths libraries."""
    return float(f"{value:.6g}")


def _rounded_all(values: Iterable[float]) -> list[float]:
    return [_rounded(value) for value in values]
