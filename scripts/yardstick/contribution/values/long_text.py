"""Long-text rows that lengths of this protocol can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yardstick.contribution.documents import Run
from yardstick.contribution.values.columns import Rows
from yardstick.contribution.values.sampling import wall_problems
from yardstick.contribution.values.tokens import output_problems
from yardstick.registry import ModelEntry

# A prompt is cut at a word, or guessed from letters where the engine does not tell tokens.
_LEAST_SHARE, _MOST_SHARE = 0.5, 1.2
_MOST_ADDED_TOKENS = 64


def long_text_problems(rows: Rows, protocol: Mapping[str, Any], run: Run, entry: ModelEntry) -> Iterator[str]:
    """Yield what is wrong with the lengths as a whole, and the first thing that is wrong with one of them."""
    if [row["part"] for row in rows] != ["prompt"] * (len(rows) - 1) + ["generation"] or len(rows) < 2:
        yield "part: not prompts and then one row of long answers"
        return
    *prompts, generation = rows
    yield from _length_problems([row["length"] for row in prompts], protocol, run, entry)
    for row in rows:
        if problems := list(_row_problems(row, protocol, entry)):
            yield f"length {row['length']}: {problems[0]}"
            break
    if generation["length"] > protocol["generated_tokens"]:
        yield f"length: {generation['length']} new tokens, the protocol asks for {protocol['generated_tokens']}"
    yield from wall_problems(run, [value for row in rows for value in row["e2e_s"]])


def _length_problems(lengths: list[int], protocol: Mapping[str, Any], run: Run, entry: ModelEntry) -> Iterator[str]:
    known = protocol["lengths"]
    # The last one may be what the context holds.
    is_cut = lengths[-1] not in known and lengths[-1] < entry.context_length
    if lengths[: len(lengths) - is_cut] != known[: len(lengths) - is_cut]:
        yield f"length: {lengths} are not the first of the protocol's {known}"
    if run.sampling.stopped_by not in ("count", "seconds"):
        yield f"sampling ended by {run.sampling.stopped_by}, which long text does not"


def _row_problems(row: Mapping[str, Any], protocol: Mapping[str, Any], entry: ModelEntry) -> Iterator[str]:
    is_prompt, requests = row["part"] == "prompt", row["requests"]
    most = protocol["requests"] if is_prompt else protocol["generations"]
    if not (requests == most or (not is_prompt and 1 <= requests < most)):
        yield f"requests: {requests}, the protocol makes {most}"
        return
    if {len(row[name]) for name in ("ttft_s", "e2e_s", "itl_s")} != {requests}:
        yield f"ttft_s, e2e_s, itl_s: not one value for each of {requests} requests"
        return
    yield from _time_problems(row)
    asked = protocol["new_tokens"] if is_prompt else row["length"]
    yield from output_problems(row["output_tokens"], entry, asked=asked, answers=requests)
    if is_prompt:
        yield from _prompt_problems(row["prompt_tokens"] / requests, row["length"], entry)
    if row["peak_bytes"] is not None and row["peak_bytes"] < (row["resident_before_bytes"] or 0):
        yield "peak_bytes: less than before the request"


def _time_problems(row: Mapping[str, Any]) -> Iterator[str]:
    for first, last, gaps in zip(row["ttft_s"], row["e2e_s"], row["itl_s"], strict=True):
        whole = first + sum(gaps)
        if first <= 0 or abs(whole - last) > 1e-6 * last + 1e-6:
            yield f"e2e_s: {last:.6f}, ttft_s and itl_s add up to {whole:.6f}"
            return
    if sum(map(len, row["itl_s"])) != row["output_tokens"] - row["requests"]:
        yield f"itl_s: {sum(map(len, row['itl_s']))} gaps between {row['output_tokens']} tokens"


def _prompt_problems(tokens: float, length: int, entry: ModelEntry) -> Iterator[str]:
    if not _LEAST_SHARE * length - 1 <= tokens <= _MOST_SHARE * length + _MOST_ADDED_TOKENS:
        yield f"prompt_tokens: {tokens:g} a prompt, asked were {length}"
    elif tokens > entry.context_length:
        yield f"prompt_tokens: {tokens:g} exceed the context of {entry.context_length} tokens"
