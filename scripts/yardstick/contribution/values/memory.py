"""Memory rows that loading a model can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yardstick.contribution.documents import Run
from yardstick.contribution.values.columns import Rows
from yardstick.registry import ModelEntry

# Linux counts resident pages in batches per processor, and the parts of the set exactly.
_SLACK, _SLACK_BYTES = 1.02, 16e6
# The smallest quantisations store more than a bit for each parameter.
_LEAST_BITS = 1.0


def memory_problems(rows: Rows, protocol: Mapping[str, Any], run: Run, entry: ModelEntry) -> Iterator[str]:
    """Yield what is wrong with the one row."""
    if len(rows) != 1:
        yield f"{len(rows)} rows where one is measured"
        return
    row = rows[0]
    yield from _order_problems(row)
    yield from _amount_problems(row, run, entry)


def _order_problems(row: Mapping[str, Any]) -> Iterator[str]:
    for moment in ("before", "after"):
        uss, pss, rss = (row[f"{name}_{moment}_bytes"] for name in ("uss", "pss", "rss"))
        if pss > _SLACK * rss + _SLACK_BYTES:
            yield f"pss_{moment}_bytes: {pss}, more than the resident set of {rss}"
        if pss and uss > _SLACK * pss + _SLACK_BYTES:
            yield f"uss_{moment}_bytes: {uss}, more than the proportional set of {pss}"
    for name in ("peak_load_bytes", "peak_decode_bytes"):
        if row[name] < row["rss_after_bytes"]:
            yield f"{name}: {row[name]} lies below rss_after_bytes {row['rss_after_bytes']}"
    if row["accelerator_peak_bytes"] < row["accelerator_bytes"]:
        yield "accelerator_peak_bytes: lies below accelerator_bytes"


def _amount_problems(row: Mapping[str, Any], run: Run, entry: ModelEntry) -> Iterator[str]:
    if row["rss_after_bytes"] == 0:
        yield "rss_after_bytes: a process without memory"
    most = 2 * run.machine.memory_bytes
    for name in ("rss_before_bytes", "rss_after_bytes", "peak_load_bytes", "peak_decode_bytes"):
        if row[name] > most:
            yield f"{name}: {row[name]}, the machine has {run.machine.memory_bytes}"
    if entry.device == "cpu" and entry.backend == "transformers" and row["accelerator_peak_bytes"]:
        yield "accelerator_peak_bytes: the registry says device: cpu"
    grown = max(row["peak_load_bytes"], row["peak_decode_bytes"]) - row["rss_before_bytes"]
    held = grown + row["accelerator_peak_bytes"] + (row["reported_bytes"] or 0) + row["reserved_bytes"]
    least = int(entry.parameters * _LEAST_BITS / 8)
    if held < least:
        yield f"peak_load_bytes: the model took {held} bytes, {entry.parameters} parameters need {least} at least"
