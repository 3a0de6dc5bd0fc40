"""A machine's profile as a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from yardstick.hardware.formats import DTYPE_BYTES
from yardstick.hardware.probes import DTYPES, MIB, WORKING_SETS
from yardstick.hardware.profile import MachineProfile
from yardstick.leaderboard.text import one_line

_HEADINGS = ("Device", "Threads", "Copy", "Weights, 1 token", "", "Weights, 128 tokens", "", "Small op")
_UNITS = ("", "", "GB/s", "float32 GB/s", "bfloat16 GB/s", "float32 GFLOP/s", "bfloat16 GFLOP/s", "µs")
_MATRIX = 16 * MIB


def profile_text(profile: MachineProfile, measured_at: str) -> str:
    """Return a line per device and number of threads, and the sizes of memories."""
    places = sorted({(row["device"], row["threads"]) for row in profile.rows if row["quantity"] == "dispatch"})
    table = [_UNITS, *(_line(profile, device, threads or 1) for device, threads in places)]
    sides = ("left", *("right",) * (len(_HEADINGS) - 1))
    text: str = tabulate(table, headers=_HEADINGS, tablefmt="simple", colalign=sides, disable_numparse=True)
    return "\n".join([f"{one_line(profile.machine)}, measured {one_line(measured_at)}", "", text, "", _sizes(profile)])


def foreign_cores(run: Mapping[str, Any]) -> float:
    """Return how many cores others kept busy while a machine was profiled, 0 where nobody knows."""
    guards = run.get("guards")
    busy = guards.get("foreign_cores") if isinstance(guards, dict) else None
    return float(busy) if isinstance(busy, int | float) else 0.0


def _line(profile: MachineProfile, device: str, threads: int) -> list[str]:
    bandwidths = [_MATRIX / _seconds(profile, device, threads, dtype, 1) / 1e9 for dtype in DTYPES]
    rates = [
        2 * 128 * (_MATRIX / DTYPE_BYTES[dtype]) / _seconds(profile, device, threads, dtype, 128) / 1e9
        for dtype in DTYPES
    ]
    numbers = [profile.bandwidth(device, threads) / 1e9, *bandwidths, *rates]
    cells = [f"{number:.3g}" for number in numbers]
    return [
        one_line(device),
        str(threads) if device == "cpu" else "",
        *cells,
        f"{profile.dispatch_s(device, threads) * 1e6:.3g}",
    ]


def _seconds(profile: MachineProfile, device: str, threads: int, dtype: str, tokens: int) -> float:
    return profile.multiply_s(
        device=device,
        threads=threads,
        dtype=dtype,
        layout="linear",
        tokens=tokens,
        matrix_bytes=_MATRIX,
        all_bytes=WORKING_SETS[-1],
    )


def _sizes(profile: MachineProfile) -> str:
    memory, vram = profile.value("memory"), profile.value("memory", device="cuda")
    parts = [f"memory {(memory or 0) / 1e9:.1f} GB", *([f"GPU memory {vram / 1e9:.1f} GB"] if vram else [])]
    return ", ".join([*parts, f"disk read {(profile.value('disk_read') or 0) / 1e9:.2f} GB/s"])
