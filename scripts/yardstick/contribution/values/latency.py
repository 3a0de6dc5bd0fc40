"""Latency rows that requests of this protocol can have."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from yardstick.contribution.documents import Run
from yardstick.contribution.values.columns import Rows
from yardstick.contribution.values.sampling import sampling_problems, wall_problems
from yardstick.contribution.values.tokens import output_problems, prompt_problems, spread_problems
from yardstick.registry import ModelEntry

_HASH = re.compile(r"[0-9a-f]{16}")


def latency_problems(rows: Rows, protocol: Mapping[str, Any], run: Run, entry: ModelEntry) -> Iterator[str]:
    """Yield what is wrong with the rows as a whole, and the first thing that is wrong with one of them."""
    prompts = protocol["prompts"]
    if [row["request"] for row in rows] != list(range(len(rows))):
        yield "request: the numbers are not 0, 1, 2, ..."
    if [row["prompt"] for row in rows] != [number % len(prompts) for number in range(len(rows))]:
        yield "prompt: the prompts are not given in turn"
        return
    yield from next((found for row in rows if (found := list(_row_problems(row, protocol, entry)))), [])
    counts = defaultdict(list)
    for row in rows:
        counts[row["prompt"]].append(row["prompt_tokens"])
    for of_one_prompt in counts.values():
        yield from spread_problems(of_one_prompt, is_prefixed=rows[0]["output_hash"] == "")
    e2e_s = [row["e2e_s"] for row in rows]
    yield from sampling_problems(run, protocol, e2e_s, least=protocol["least_requests"], most=protocol["most_requests"])
    yield from wall_problems(run, e2e_s)


def _row_problems(row: Mapping[str, Any], protocol: Mapping[str, Any], entry: ModelEntry) -> Iterator[str]:
    at = f"request {row['request']}: "
    problems = [
        *output_problems(row["output_tokens"], entry, asked=protocol["max_new_tokens"], answers=1),
        *prompt_problems(row["prompt_tokens"], [protocol["prompts"][row["prompt"]]], entry),
        *_time_problems(row),
        *_engine_problems(row, entry),
        *_hash_problems(row, entry),
    ]
    yield from (at + problem for problem in problems)


def _time_problems(row: Mapping[str, Any]) -> Iterator[str]:
    if len(row["itl_s"]) != row["output_tokens"] - 1:
        yield f"itl_s: {len(row['itl_s'])} gaps between {row['output_tokens']} tokens"
    whole = row["ttft_s"] + sum(row["itl_s"])
    if abs(whole - row["e2e_s"]) > 1e-6 * row["e2e_s"] + 1e-6:
        yield f"e2e_s: {row['e2e_s']:.6f}, ttft_s and itl_s add up to {whole:.6f}"


def _engine_problems(row: Mapping[str, Any], entry: ModelEntry) -> Iterator[str]:
    told = [row["engine_prefill_s"], row["engine_decode_s"]]
    if entry.backend == "transformers" and told != [None, None]:
        yield f"engine_prefill_s, engine_decode_s: {entry.backend} tells no times of its own"
    if sum(value or 0 for value in told) > 1.1 * row["e2e_s"] + 0.01:
        yield "engine_prefill_s, engine_decode_s: longer than the whole request"


def _hash_problems(row: Mapping[str, Any], entry: ModelEntry) -> Iterator[str]:
    if row["output_hash"] == "" and entry.backend == "transformers":
        yield "output_hash: empty, which only servers leave it"
    elif row["output_hash"] != "" and not _HASH.fullmatch(row["output_hash"]):
        yield "output_hash: not a hash of 16 digits"
