"""What shards of one machine say of one another: throughput and concurrency against latency, and the machine's facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from yardstick.contribution.documents import Run
from yardstick.contribution.values.columns import Rows
from yardstick.contribution.values.tokens import has_exact_length
from yardstick.leaderboard.flags import MOST_FOREIGN_CORES
from yardstick.registry import ModelEntry

# Between the nearest ends of two ranges; ordinary noise of a quiet machine is a few per cent.
MOST_RATIO = 3.0
# Where guard rails saw other work, which the leaderboard flags.
MOST_RATIO_OF_BUSY = 30.0


def most_ratio(*runs: Run) -> float:
    """Return how many times two timings on one machine may lie apart, given their runs."""
    is_quiet = all(run.guards.foreign_cores <= MOST_FOREIGN_CORES and run.guards.swapped_bytes == 0 for run in runs)
    return MOST_RATIO if is_quiet else MOST_RATIO_OF_BUSY


def throughput_disagreement(
    throughput: Rows, latency: Rows, *, tokens: int, most: float, entry: ModelEntry
) -> Iterator[str]:
    """Yield why runs over all prompts do not fit single requests of the same prompts, models and machine.

    Args:
        throughput: one row per run.
        latency: one row per request.
        tokens: new tokens per prompt in a run; the times of requests are carried over to as many.
        most: how many times the two may lie apart.
        entry: the model.
    """
    runs = [row["wall_s"] for row in throughput]
    by_prompt: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in latency:
        by_prompt[row["prompt"]].append(row)
    expected = _added([_range(_predicted(rows, tokens)) for rows in by_prompt.values()])
    if _ratio(_range(runs), expected) > most:
        yield (
            f"wall_s: runs take {min(runs):.3g} to {max(runs):.3g} s, the same prompts in latency "
            f"{expected[0]:.3g} to {expected[1]:.3g} s, more than {most:g} times apart"
        )
    if has_exact_length(entry) and latency[0]["output_hash"]:
        prompt_tokens = sum(rows[0]["prompt_tokens"] for rows in by_prompt.values())
        if any(row["prompt_tokens"] != prompt_tokens for row in throughput):
            yield f"prompt_tokens: {throughput[0]['prompt_tokens']}, the same prompts have {prompt_tokens} in latency"


def concurrency_disagreement(concurrency: Rows, latency: Rows, *, tokens: int, most: float) -> Iterator[str]:
    """Yield why requests one at a time do not fit those of latency. See `throughput_disagreement`."""
    alone = [value for row in concurrency if row["in_flight"] == 1 for value in row["e2e_s"]]
    expected = _range(_predicted(latency, tokens))
    if alone and _ratio(_range(alone), expected) > most:
        yield (
            f"e2e_s: one request alone takes {min(alone):.3g} to {max(alone):.3g} s, in latency "
            f"{expected[0]:.3g} to {expected[1]:.3g} s, more than {most:g} times apart"
        )


def machine_disagreement(known: Run, other: Run) -> str | None:
    """Return why two results under one label cannot come from one machine, or None."""
    facts, others = known.machine, other.machine
    if (facts.cpu, facts.cores) != (others.cpu, others.cores):
        return f"machine: {others.cpu} with {others.cores} cores and {facts.cpu} with {facts.cores} share a label"
    if not 0.9 <= others.memory_bytes / facts.memory_bytes <= 1.1:
        return f"machine: {others.memory_bytes} and {facts.memory_bytes} bytes of memory share a label"
    return None


def _predicted(rows: Rows, tokens: int) -> list[float]:
    """Return how long each request would have taken for another number of new tokens, seconds."""
    return [
        row["ttft_s"] + (row["e2e_s"] - row["ttft_s"]) * (tokens - 1) / max(1, row["output_tokens"] - 1) for row in rows
    ]


def _range(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _added(ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(low for low, _ in ranges), sum(high for _, high in ranges)


def _ratio(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return how many times the nearest ends of two ranges lie apart, at most 1 where the ranges overlap."""
    return max(one[0] / other[1], other[0] / one[1])
