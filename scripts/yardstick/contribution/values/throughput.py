"""Throughput rows that runs of this protocol can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yardstick.contribution.documents import Run
from yardstick.contribution.values.columns import Rows
from yardstick.contribution.values.sampling import sampling_problems, wall_problems
from yardstick.contribution.values.tokens import output_problems, prompt_problems, spread_problems
from yardstick.registry import ModelEntry


def throughput_problems(rows: Rows, protocol: Mapping[str, Any], run: Run, entry: ModelEntry) -> Iterator[str]:
    """Yield what is wrong with the rows as a whole, and the first thing that is wrong with one of them."""
    prompts = protocol["prompts"]
    if [row["run"] for row in rows] != list(range(len(rows))):
        yield "run: the numbers are not 0, 1, 2, ..."
    for row in rows:
        problems = [
            *output_problems(row["output_tokens"], entry, asked=protocol["max_new_tokens"], answers=len(prompts)),
            *prompt_problems(row["prompt_tokens"], prompts, entry),
        ]
        if problems:
            yield f"run {row['run']}: {problems[0]}"
            break
    counts = [row["prompt_tokens"] for row in rows]
    yield from spread_problems(counts, is_prefixed=entry.backend not in ("transformers", "llama_cpp"))
    rates = [row["output_tokens"] / row["wall_s"] for row in rows]
    yield from sampling_problems(run, protocol, rates, least=protocol["least_runs"], most=protocol["most_runs"])
    yield from wall_problems(run, [row["wall_s"] for row in rows])
