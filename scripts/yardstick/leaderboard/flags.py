"""Flags: circumstances that make the numbers of a row doubtful, what each means, and how each is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from yardstick.leaderboard.stored import Guards

MOST_FOREIGN_CORES = 0.2
LEAST_SHARE_OF_MHZ = 0.9

_TIMED = "latency, throughput, concurrency or long text"
FLAGS = {
    "busy": f"other processes kept more than {MOST_FOREIGN_CORES} cores busy while {_TIMED} was measured",
    "gpu_shared": f"other processes were on the accelerator while memory, {_TIMED} was measured on it",
    "swapped": f"the system moved memory to or from the disk while memory, {_TIMED} was measured",
    "throttled": f"the processor's clock fell below {LEAST_SHARE_OF_MHZ} of what it was while {_TIMED} was measured",
    "reserved": "the engine set memory aside up front, used or not, so the memory is more than the model itself takes",
    "short": f"a {_TIMED} output had fewer tokens than asked, so its time is not comparable",
    "nondeterministic": "the same prompt got different tokens within one latency measurement",
    "mixed": "the row's results come from different package versions, Python versions or epochs",
}


def guard_flags(guards: Guards, *, is_timing: bool, device: str | None = None) -> set[str]:
    """Return the flags of a measurement's guard rails.

    Args:
        guards: what was seen.
        is_timing: whether time was measured; load and clock count only then.
        device: kind of device that computed, None where unknown; others on an accelerator count only if it was one.
    """
    flags: set[str] = set()
    if guards.foreign_gpu_processes and device not in (None, "cpu"):
        flags.add("gpu_shared")
    if guards.swapped_bytes > 0:
        flags.add("swapped")
    if is_timing and guards.foreign_cores > MOST_FOREIGN_CORES:
        flags.add("busy")
    if is_timing and _is_throttled(guards):
        flags.add("throttled")
    return flags


def _is_throttled(guards: Guards) -> bool:
    if guards.cpu_mhz_before is None or guards.cpu_mhz_after is None:
        return False
    return guards.cpu_mhz_after < LEAST_SHARE_OF_MHZ * guards.cpu_mhz_before


def reserved_flags(reserved_bytes: float) -> set[str]:
    """Return ``reserved`` if the engine set memory aside up front."""
    return {"reserved"} if reserved_bytes > 0 else set()


def short_flags(output_tokens: Iterable[float], asked: int) -> set[str]:
    """Return ``short`` if an output has fewer tokens than ``asked``."""
    return {"short"} if any(tokens < asked for tokens in output_tokens) else set()


def repeat_flags(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return ``nondeterministic`` if requests with the same prompt have different outputs."""
    outputs: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        outputs[row["prompt"]].add(row["output_hash"])
    return {"nondeterministic"} if any(len(hashes) > 1 for hashes in outputs.values()) else set()


def mixed_flags(environments: Sequence[object]) -> set[str]:
    """Return ``mixed`` if the environments of a row's results are not all equal."""
    return {"mixed"} if any(environment != environments[0] for environment in environments) else set()


def in_order(flags: set[str]) -> list[str]:
    """Return flags in the order in which they are explained."""
    return [name for name in FLAGS if name in flags]
