"""One shard reduced to its summary: the raw rows are read, checked and let go at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from yardstick.catalog import METRICS, SUITES, answers_metric, is_scores
from yardstick.errors import YardstickError
from yardstick.identity import Document
from yardstick.leaderboard.document import (
    CategoryScore,
    Concurrency,
    ConcurrencyLevel,
    Environment,
    Latency,
    Memory,
    Part,
    SuiteScore,
    Throughput,
    TimeToFirstToken,
)
from yardstick.leaderboard.flags import guard_flags, repeat_flags, reserved_flags, short_flags
from yardstick.leaderboard.reduce_long_text import COLUMNS as LONG_TEXT_COLUMNS
from yardstick.leaderboard.reduce_long_text import check_long_text, long_text_part
from yardstick.leaderboard.stored import Run, StoredEnvironment
from yardstick.leaderboard.values import (
    BYTES_PER_MB,
    Implausible,
    Rows,
    counts,
    mean_fields,
    median_bounds,
    percentile_cell,
    rate_fields,
    rounded,
    rounded_all,
    seconds,
)
from yardstick.shard_paths import ShardPath
from yardstick.shards import read_shard
from yardstick.statistics import mean, pass_at_k, wilson_interval

Parts = Mapping[str, Part]


@dataclass(frozen=True)
class Summary:
    """What a row of the leaderboard takes from one shard.

    Attributes:
        path: the shard.
        measured_at: when it was measured, UTC, ISO 8601; texts sort as the times do.
        environment: what it was measured in.
        engine: what the engine said of itself.
        threads: threads it was measured with, None where the machine does not matter.
        make_parts: see `parts`.
        flags: names of `flags.FLAGS`.
    """

    path: ShardPath
    measured_at: str
    environment: Environment
    engine: Mapping[str, str]
    threads: int | None
    make_parts: Callable[[], Parts]
    flags: frozenset[str]

    @cached_property
    def parts(self) -> Parts:
        """Fields of `document.Row`, made on demand: most shards are old, and intervals cost more than reading."""
        return self.make_parts()

    @property
    def age_key(self) -> tuple[str, ShardPath]:
        """Sorts the newest last, the greater path last where times are equal."""
        return self.measured_at, self.path


@dataclass(frozen=True)
class _Reduced:
    make_parts: Callable[[], Parts]
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
        flags = reduced.flags | _guard_flags(path.metric, run, stored, _device(shard.identity["definition"], stored))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise YardstickError(
            f"{file}: what it says of its run is not valid ({where}); delete it, it is not read"
        ) from None
    except Implausible as error:
        raise YardstickError(f"{file}: its values cannot be true ({error}); delete it, it is not read") from None
    environment = Environment(
        packages=dict(sorted(stored.packages.items())),
        server=dict(sorted(stored.server.items())),
        device=stored.device,
        python=stored.python,
        epoch=stored.epoch,
    )
    engine = dict(sorted(run.engine.items()))
    return Summary(path, run.measured_at, environment, engine, stored.threads, reduced.make_parts, frozenset(flags))


def _device(definition: Document, stored: StoredEnvironment) -> str | None:
    """Return the kind of device that computed, None for scores, which no device computes."""
    model: Document = definition.get("model", {})
    return stored.device or model.get("device")


def _guard_flags(metric: str, run: Run, stored: StoredEnvironment, device: str | None) -> set[str]:
    if is_scores(metric) or not METRICS[metric].is_machine_bound:
        return set()
    if run.guards is None or stored.threads is None:
        raise Implausible("guard rails or threads are missing")
    return guard_flags(run.guards, is_timing=metric != "memory", device=device)


def _reduce_answers(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    return _Reduced(dict, set())


def _reduce_scores(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    greedy = [row for row in rows if row["sample"] is None]
    tasks = [row["task"] for row in greedy]
    if not tasks or len(set(tasks)) < len(tasks) or {row["task"] for row in rows} != set(tasks):
        raise Implausible("it has not one greedy answer to each task")
    # Where the file of the suite holds the tasks, so does the definition.
    expected = {task for task, known in definition["expected"].items() if "accept" in known}
    is_partial = run.sampling is not None and run.sampling.stopped_by == "interval"
    if expected and not (set(tasks) <= expected if is_partial else set(tasks) == expected):
        raise Implausible("its tasks are not those of the suite")
    return _Reduced(lambda: {path.metric: _suite_score(rows, greedy, run, path)}, set())


def _suite_score(rows: Rows, greedy: Rows, run: Run, path: ShardPath) -> SuiteScore:
    asked = Counter(row["category"] for row in greedy)
    solved = Counter(row["category"] for row in greedy if row["solved"])
    return SuiteScore(
        score=rounded(solved.total() / len(greedy)),
        solved=solved.total(),
        n=len(greedy),
        interval=rounded_all(wilson_interval(solved.total(), len(greedy))),
        method="wilson",
        solved_tasks=sorted(row["task"] for row in greedy if row["solved"]),
        failed_tasks=sorted(row["task"] for row in greedy if not row["solved"]),
        pass_at=_pass_at([row for row in rows if row["sample"] is not None]),
        by_category={name: CategoryScore(solved=solved[name], n=asked[name]) for name in sorted(asked)},
        measured_at=run.measured_at,
        machine=path.machine,
    )


def _pass_at(drawn: Rows) -> dict[str, float]:
    """Return pass@k for round numbers k up to the drawn answers that every task has."""
    if not drawn:
        return {}
    n = Counter(row["task"] for row in drawn)
    solved = Counter(row["task"] for row in drawn if row["solved"])
    ks = [k for k in (1, 2, 5, 10, 20, 50, 100) if k <= min(n.values())]
    return {str(k): rounded(mean([pass_at_k(n[task], solved[task], k) for task in sorted(n)])) for k in ks}


def _reduce_latency(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    e2e_s, ttft_s = seconds(rows, "e2e_s"), seconds(rows, "ttft_s")
    tokens = counts(rows, "output_tokens")
    flags = short_flags(tokens, definition["protocol"]["max_new_tokens"]) | repeat_flags(rows)
    return _Reduced(
        lambda: {"latency": _latency(e2e_s, min(tokens), run), "ttft": _time_to_first_token(ttft_s)},
        flags,
    )


def _latency(e2e_s: Sequence[float], output_tokens: int, run: Run) -> Latency:
    return Latency(
        mean_s=rounded(mean(e2e_s)),
        **mean_fields(e2e_s),
        p50_s=percentile_cell(e2e_s, 0.5),
        p50_interval=median_bounds(e2e_s),
        p90_s=percentile_cell(e2e_s, 0.9),
        n=len(e2e_s),
        sampling=run.sampling,
        output_tokens=output_tokens,
    )


def _time_to_first_token(ttft_s: Sequence[float]) -> TimeToFirstToken:
    return TimeToFirstToken(
        mean_s=rounded(mean(ttft_s)),
        **mean_fields(ttft_s),
        p50_s=percentile_cell(ttft_s, 0.5),
        p50_interval=median_bounds(ttft_s),
        n=len(ttft_s),
    )


def _reduce_throughput(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    tokens, wall_s = counts(rows, "output_tokens"), seconds(rows, "wall_s")
    rates = [count / seconds for count, seconds in zip(tokens, wall_s, strict=True)]
    protocol = definition["protocol"]
    flags = short_flags(tokens, protocol["max_new_tokens"] * len(protocol["prompts"]))
    return _Reduced(lambda: {"throughput": _throughput(rates, run)}, flags)


def _throughput(rates: Sequence[float], run: Run) -> Throughput:
    return Throughput(
        tokens_per_s=rounded(mean(rates)),
        **mean_fields(rates),
        n=len(rates),
        rates=rounded_all(rates),
        sampling=run.sampling,
    )


def _reduce_concurrency(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    for name in ("requests", "output_tokens"):
        counts(rows, name)
    in_flight = counts(rows, "in_flight")
    seconds(rows, "wall_s")
    for name in ("e2e_s", "ttft_s"):
        for row in rows:
            seconds([{name: value} for value in row[name]], name)
    if min(in_flight) < 1 or sorted(set(in_flight)) != in_flight:
        raise Implausible("its levels do not go up")
    if any(not row["requests"] == len(row["e2e_s"]) == len(row["ttft_s"]) for row in rows):
        raise Implausible("a level has not one time for each request")
    asked = definition["protocol"]["max_new_tokens"]
    flags = short_flags((row["output_tokens"] / row["requests"] for row in rows), asked)
    return _Reduced(lambda: {"concurrency": _concurrency(rows, run)}, flags)


def _concurrency(rows: Rows, run: Run) -> Concurrency:
    levels = [_level(row) for row in rows]
    best = max(levels, key=lambda level: level.tokens_per_s)
    return Concurrency(
        best_in_flight=best.in_flight, best_tokens_per_s=best.tokens_per_s, levels=levels, sampling=run.sampling
    )


def _level(row: Mapping[str, Any]) -> ConcurrencyLevel:
    rounds = _round_seconds(row)
    return ConcurrencyLevel(
        in_flight=row["in_flight"],
        n=row["requests"],
        tokens_per_s=rounded(row["output_tokens"] / row["wall_s"]),
        **rate_fields(row["output_tokens"] / len(rounds), rounds),
        rounds=len(rounds),
        e2e_p50_s=percentile_cell(row["e2e_s"], 0.5),
        e2e_p90_s=percentile_cell(row["e2e_s"], 0.9),
        ttft_p50_s=percentile_cell(row["ttft_s"], 0.5),
    )


def _round_seconds(row: Mapping[str, Any]) -> list[float]:
    """Return the wall seconds of each round of a level: shares of the level's, as the slowest requests of the rounds."""
    size = row["in_flight"]
    slowest = [max(row["e2e_s"][start : start + size]) for start in range(0, row["requests"], size)]
    return [seconds * row["wall_s"] / sum(slowest) for seconds in slowest]


def _reduce_long_text(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    check_long_text(rows)
    *prompts, generation = rows
    flags = short_flags(
        (row["output_tokens"] / row["requests"] for row in prompts), definition["protocol"]["new_tokens"]
    )
    flags |= short_flags([generation["output_tokens"] / generation["requests"]], generation["length"])
    return _Reduced(lambda: {"long_text": long_text_part(rows, run)}, flags)


def _reduce_memory(rows: Rows, definition: Document, run: Run, path: ShardPath) -> _Reduced:
    if len(rows) != 1:
        raise Implausible(f"{len(rows)} rows where one is measured")
    size = {name.removesuffix("_bytes"): counts(rows, name)[0] / BYTES_PER_MB for name in _MEMORY_COLUMNS}
    reported = rows[0]["reported_bytes"]
    if reported is not None:
        size["reported"] = counts(rows, "reported_bytes")[0] / BYTES_PER_MB
    return _Reduced(lambda: {"memory": _memory(size)}, reserved_flags(size["reserved"]))


def _memory(size: Mapping[str, float]) -> Memory:
    peaks = {name: size[name] - size["rss_before"] for name in ("peak_load", "peak_decode")}
    return Memory(
        increment_mb=rounded(size["rss_after"] - size["rss_before"]),
        peak_load_mb=rounded(peaks["peak_load"]),
        peak_decode_mb=rounded(peaks["peak_decode"]),
        pss_mb=rounded(size["pss_after"] - size["pss_before"]) if size["pss_after"] else None,
        uss_mb=rounded(size["uss_after"] - size["uss_before"]) if size["uss_after"] else None,
        accelerator_mb=rounded(size["accelerator"]),
        accelerator_peak_mb=rounded(size["accelerator_peak"]),
        reported_mb=rounded(size["reported"]) if "reported" in size else None,
        reserved_mb=rounded(size["reserved"]),
        needed_mb=rounded(max(*peaks.values(), size["accelerator_peak"], size.get("reported", 0.0))),
    )


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
    "accelerator_peak_bytes",
    "reserved_bytes",
]
# Metric -> the columns that are read, and what makes a part of a row of them.
_REDUCERS: dict[str, tuple[list[str], Callable[[Rows, Document, Run, ShardPath], _Reduced]]] = {
    **{answers_metric(suite): (["task"], _reduce_answers) for suite in SUITES},
    **dict.fromkeys(SUITES, (["task", "sample", "category", "solved"], _reduce_scores)),
    "latency": (["prompt", "output_tokens", "ttft_s", "e2e_s", "output_hash"], _reduce_latency),
    "throughput": (["output_tokens", "wall_s"], _reduce_throughput),
    "memory": ([*_MEMORY_COLUMNS, "reported_bytes"], _reduce_memory),
    "concurrency": (["in_flight", "requests", "output_tokens", "wall_s", "ttft_s", "e2e_s"], _reduce_concurrency),
    "long_text": (LONG_TEXT_COLUMNS, _reduce_long_text),
}
