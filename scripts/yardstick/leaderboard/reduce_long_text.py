"""The rows of a long-text shard reduced to their part of a row of the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yardstick.leaderboard.document import LongText, LongTextLevel
from yardstick.leaderboard.stored import Run
from yardstick.leaderboard.values import (
    BYTES_PER_MB,
    Implausible,
    Rows,
    counts,
    percentile_cell,
    rate_fields,
    rounded,
    rounded_all,
    seconds,
)
from yardstick.statistics import mean, percentile, slope_interval

COLUMNS = [
    "part",
    "length",
    "requests",
    "prompt_tokens",
    "output_tokens",
    "ttft_s",
    "e2e_s",
    "itl_s",
    "resident_before_bytes",
    "peak_bytes",
]


def check_long_text(rows: Rows) -> None:
    """Check what the reduction relies on.

    Raises:
        Implausible: the rows are not those of prompts that grow and one of long answers.
    """
    for name in ("length", "requests", "prompt_tokens", "output_tokens"):
        if min(counts(rows, name)) < 1:
            raise Implausible(f"{name} below 1")
    *prompts, generation = rows
    if not prompts or {row["part"] for row in prompts} != {"prompt"} or generation["part"] != "generation":
        raise Implausible("it is not prompts and then long answers")
    lengths = [row["length"] for row in prompts]
    if sorted(set(lengths)) != lengths:
        raise Implausible("its lengths do not go up")
    for row in rows:
        _check_times(row)


def _check_times(row: Mapping[str, Any]) -> None:
    if not row["requests"] == len(row["ttft_s"]) == len(row["e2e_s"]) == len(row["itl_s"]):
        raise Implausible("a length has not one time for each request")
    for name in ("ttft_s", "e2e_s"):
        seconds([{name: value} for value in row[name]], name)
    for gaps in row["itl_s"]:
        # Tokens that reach a client together have no time between them.
        if not all(0 <= gap < 1e9 for gap in gaps):
            raise Implausible("itl_s out of bounds")
    if row["peak_bytes"] is not None:
        counts([row], "peak_bytes")
        counts([row], "resident_before_bytes")


def long_text_part(rows: Rows, run: Run) -> LongText:
    """Return the part of rows that `check_long_text` found good."""
    *prompts, generation = rows
    levels = [_level(row, prompts[0]["resident_before_bytes"]) for row in prompts]
    longest = levels[-1]
    slope = _memory_slope(levels)
    return LongText(
        longest_prompt_tokens=longest.prompt_tokens,
        longest_ttft_s=longest.ttft_s,
        prefill_tokens_per_s=longest.prefill_tokens_per_s,
        interval=longest.interval,
        method=longest.method,
        mb_per_1k_tokens=slope[0] if slope else None,
        mb_per_1k_tokens_interval=slope[1:] if slope else None,
        generated_tokens=generation["output_tokens"] / generation["requests"],
        generation_tokens_per_s=rounded(generation["output_tokens"] / sum(generation["e2e_s"])),
        generation_slowdown=_slowdown(generation["itl_s"]),
        generations=generation["requests"],
        levels=levels,
        sampling=run.sampling,
    )


def _level(row: Mapping[str, Any], before_bytes: int | None) -> LongTextLevel:
    tokens = row["prompt_tokens"] / row["requests"]
    gaps = [gap for of_one in row["itl_s"] for gap in of_one]
    is_seen = row["peak_bytes"] is not None and before_bytes is not None
    return LongTextLevel(
        prompt_tokens=rounded(tokens),
        n=row["requests"],
        ttft_s=rounded(mean(row["ttft_s"])),
        ttft_p50_s=percentile_cell(row["ttft_s"], 0.5),
        prefill_tokens_per_s=rounded(tokens / mean(row["ttft_s"])),
        **rate_fields(tokens, row["ttft_s"]),
        tpot_s=rounded(mean(gaps)) if gaps else None,
        peak_mb=rounded((row["peak_bytes"] - before_bytes) / BYTES_PER_MB) if is_seen else None,
    )


def _memory_slope(levels: Sequence[LongTextLevel]) -> list[float] | None:
    """Return MB per 1,000 tokens of the peaks, and the ends of its interval; None for fewer than three peaks."""
    seen = [(level.prompt_tokens / 1000, level.peak_mb) for level in levels if level.peak_mb is not None]
    found = slope_interval([tokens for tokens, _ in seen], [peak for _, peak in seen])
    return found and rounded_all(found)


def _slowdown(gaps: Sequence[Sequence[float]]) -> float | None:
    """Return how many times as long a token takes in the last quarter of an answer as in the first, the median answer's."""
    ratios = []
    for of_one in gaps:
        quarter = max(1, len(of_one) // 4)
        first = sum(of_one[:quarter])
        if first > 0:
            ratios.append(sum(of_one[-quarter:]) / first)
    return rounded(percentile(ratios, 0.5)) if ratios else None
