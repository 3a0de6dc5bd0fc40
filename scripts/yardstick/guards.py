"""Guard rails: what else happened on the machine while a measurement ran."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil


@contextmanager
def guard_rails() -> Iterator[dict[str, Any]]:
    """Yield a document that is filled when the block ends.

    Its fields: ``load_before`` and ``load_after`` (1-minute load averages), ``foreign_cores`` (mean number of cores
    that other processes kept busy), ``cpu_mhz_before`` and ``cpu_mhz_after`` (None where unknown), ``swapped_bytes``
    (swapped in and out by the whole system meanwhile), ``foreign_gpu_processes`` (most processes of others on the
    accelerators before or after, None where unknown), ``wall_s``.
    """
    document: dict[str, Any] = {}
    strangers = _foreign_gpu_processes()
    before, mhz_before, load_before = _counters(), _cpu_mhz(), os.getloadavg()[0]
    yield document
    after = _counters()
    wall_s = after["time"] - before["time"]
    strangers_after = _foreign_gpu_processes()
    foreign_s = (after["machine_s"] - before["machine_s"]) - (after["own_s"] - before["own_s"])
    document.update(
        load_before=round(load_before, 2),
        load_after=round(os.getloadavg()[0], 2),
        foreign_cores=round(max(0.0, foreign_s / wall_s), 3),
        cpu_mhz_before=mhz_before,
        cpu_mhz_after=_cpu_mhz(),
        swapped_bytes=int(after["swapped"] - before["swapped"]),
        foreign_gpu_processes=None if strangers is None else max(strangers, strangers_after or 0),
        wall_s=round(wall_s, 3),
    )


def _foreign_gpu_processes() -> int | None:
    """Return how many processes outside this one's family compute on an NVIDIA accelerator, None where unknown."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-compute-apps=pid", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    here = psutil.Process()
    family = {here.pid, *(child.pid for child in here.children(recursive=True))}
    return len({int(pid) for pid in done.stdout.split() if pid.isdigit()} - family)


def _counters() -> dict[str, float]:
    times, own, swap = psutil.cpu_times(), psutil.Process().cpu_times(), psutil.swap_memory()
    busy = ("user", "nice", "system", "irq", "softirq", "steal")
    return {
        "time": time.perf_counter(),
        "machine_s": sum(getattr(times, name, 0.0) for name in busy),
        "own_s": own.user + own.system + own.children_user + own.children_system,
        "swapped": float(swap.sin + swap.sout),
    }


def _cpu_mhz() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    return round(frequency.current, 1) if frequency else None
