"""Concurrency rows that levels of this protocol can have."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from yardstick.contribution.documents import Run
from yardstick.contribution.values.columns import Rows
from yardstick.contribution.values.sampling import wall_problems
from yardstick.contribution.values.tokens import output_problems, prompt_problems
from yardstick.registry import ModelEntry


def concurrency_problems(rows: Rows, protocol: Mapping[str, Any], run: Run, entry: ModelEntry) -> Iterator[str]:
    """Yield what is wrong with the levels as a whole, and the first thing that is wrong with one of them."""
    levels = [row["in_flight"] for row in rows]
    if levels not in (protocol["levels"][: len(levels)], [1]):
        yield f"in_flight: {levels} are not the first of the protocol's levels {protocol['levels']}"
    for row in rows:
        if problems := list(_row_problems(row, protocol, entry)):
            yield f"in_flight {row['in_flight']}: {problems[0]}"
            break
    yield from wall_problems(run, [row["wall_s"] for row in rows])
    yield from _end_problems(rows, protocol, run)


def _row_problems(row: Mapping[str, Any], protocol: Mapping[str, Any], entry: ModelEntry) -> Iterator[str]:
    requests = row["requests"]
    if requests != protocol["rounds"] * row["in_flight"]:
        yield f"requests: {requests}, the protocol makes {protocol['rounds'] * row['in_flight']}"
        return
    if {len(row["ttft_s"]), len(row["e2e_s"])} != {requests}:
        yield f"ttft_s, e2e_s: not one value for each of {requests} requests"
        return
    if not all(0 < first <= last for first, last in zip(row["ttft_s"], row["e2e_s"], strict=True)):
        yield "e2e_s: a request ends before its first token, or takes no time"
    if max(row["e2e_s"]) > 1.001 * row["wall_s"] + 0.001:
        yield "e2e_s: a request takes longer than all of its level"
    # The rounds follow one another, and each lasts as long as its slowest request at least.
    slowest = [max(part) for part in _rounds(row["e2e_s"], row["in_flight"])]
    if sum(slowest) > 1.001 * row["wall_s"] + 0.001:
        yield "wall_s: shorter than the rounds' slowest requests together"
    yield from output_problems(row["output_tokens"], entry, asked=protocol["max_new_tokens"], answers=requests)
    yield from prompt_problems(row["prompt_tokens"], _asked(row, protocol), entry)


def _rounds(values: list[float], in_flight: int) -> Iterator[list[float]]:
    for start in range(0, len(values), in_flight):
        yield values[start : start + in_flight]


def _asked(row: Mapping[str, Any], protocol: Mapping[str, Any]) -> list[str]:
    """Return the prompts of a level: given in turn, after one round that warms up."""
    endless = itertools.cycle(protocol["prompts"])
    return list(itertools.islice(endless, row["in_flight"], row["in_flight"] + row["requests"]))


def _end_problems(rows: Rows, protocol: Mapping[str, Any], run: Run) -> Iterator[str]:
    stopped_by = run.sampling.stopped_by
    rates = [row["output_tokens"] / row["wall_s"] for row in rows]
    has_gained = len(rates) < 2 or rates[-1] >= protocol["least_gain"] * max(rates[:-1])
    if stopped_by == "gain" and has_gained:
        yield "sampling ended for too little gain, but the last level gained"
    if stopped_by == "interval":
        yield "sampling ended by precision, which concurrency does not"
    if stopped_by == "seconds" and run.guards.wall_s < 0.999 * protocol["most_s"] - 0.01:
        yield f"sampling ended by time after {run.guards.wall_s} s, the protocol says {protocol['most_s']}"
