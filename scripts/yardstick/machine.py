"""This machine: a label for its results, and the facts that travel with them."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

# Memory comes in these sizes; what the system reports is a little less than what is installed.
_MEMORY_SIZES_GB = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096]
_NOISE = re.compile(r"\((?:r|tm)\)|\bcpu\b|\bprocessor\b|\bwith .*|@.*|\b\d+-core\b", re.IGNORECASE)


def machine_label(setting: str) -> str:
    """Return the label of this machine: the setting, or for ``auto`` processor, cores and memory.

    Machines of the same hardware share a label, so results say nothing of a machine's name or owner.
    """
    if setting != "auto":
        return setting
    return hardware_label(machine_facts())


def hardware_label(facts: Mapping[str, Any]) -> str:
    """Return processor, cores and memory of `machine_facts`, of this machine or another, as one word."""
    words = re.findall(r"[a-z0-9]+", _NOISE.sub(" ", facts["cpu"]).lower()) or ["cpu"]
    return f"{'-'.join(words)[:40].rstrip('-')}-{facts['cores']}c-{_installed_memory_gb(facts['memory_bytes'])}gb"


def machine_facts() -> dict[str, Any]:
    """Return processor, cores, memory in bytes and system, as JSON values."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": memory_bytes(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "accelerators": accelerators(),
    }


def accelerators() -> list[str]:
    """Return the names of the accelerators that can compute here."""
    if (platform.system(), platform.machine()) == ("Darwin", "arm64"):
        return [platform.processor() or "apple"]
    cards = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    found = (re.search(r"^Model:\s*(.+)$", card.read_text(errors="replace"), re.MULTILINE) for card in cards)
    return [match[1].strip() if match else "nvidia" for match in found]


def default_device() -> str:
    """Return the kind of device that ``auto`` stands for on this machine: cuda, mps or cpu."""
    return next((device for device in ("cuda", "mps") if has_device(device)), "cpu")


def has_device(device: str) -> bool:
    """Tell whether this machine has a kind of device; asked of the system, since PyTorch costs seconds."""
    if device == "cuda":
        return Path("/proc/driver/nvidia/version").exists()
    if device == "mps":
        return (platform.system(), platform.machine()) == ("Darwin", "arm64")
    return True


@cache
def cpu_model() -> str:
    """Return the processor's name, or its architecture where the system gives no name."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def memory_bytes() -> int:
    """Return the memory that the system reports, in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def usable_memory_bytes() -> int:
    """Return the memory that this process may use, in bytes: the machine's, or less in a container."""
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return memory_bytes()
    return min(memory_bytes(), int(limit)) if limit.isdigit() else memory_bytes()


def _installed_memory_gb(reported_bytes: int) -> int:
    reported = reported_bytes / 2**30
    return next((size for size in _MEMORY_SIZES_GB if size >= reported), round(reported))
