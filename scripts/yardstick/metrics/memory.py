"""Memory: how much the process tree grows over the load, and its peaks while loading and decoding."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

import psutil

from yardstick.backends.base import Engine
from yardstick.errors import YardstickError
from yardstick.metrics import memory_sampler
from yardstick.metrics.memory_watcher import watching
from yardstick.metrics.observations import Observations, Progress


def observe(
    engine: Engine, *, prompts: Sequence[str], max_new_tokens: int, sample_interval_ms: float, progress: Progress
) -> Observations:
    """Return one row of sizes in bytes.

    The processes are the engine's: this one, or a server's where one holds the model. Of a server that already runs
    with its model loaded nothing is known before, so its whole size counts.

    Args:
        engine: a prepared engine, libraries imported and no weights loaded; it is loaded here.
        prompts: the first is decoded while the peak is watched.
        max_new_tokens: new tokens decoded meanwhile.
        sample_interval_ms: milliseconds between two looks at the process tree.
        progress: told (done, total) after loading and after decoding.

    Raises:
        YardstickError: the server's processes cannot be seen from here.
    """
    with watching(sample_interval_ms) as watcher:
        gc.collect()
        before = _sizes(engine.process_ids(), without=watcher.pid)
        watcher.peak_bytes(engine.process_ids())
        engine.load()
        roots = engine.process_ids()
        if not roots:
            raise YardstickError(
                "no process of the server can be seen from here; measure memory on the server's machine, as its user"
            )
        peak_load = watcher.peak_bytes(roots)
        gc.collect()
        after = _sizes(roots, without=watcher.pid)
        progress(1, 2)
        engine.generate(prompts[0], max_new_tokens)
        peak_decode = watcher.peak_bytes(roots)
        progress(2, 2)
    reported = engine.reported_memory()
    row = {
        **{f"{name}_before_bytes": size for name, size in before.items()},
        **{f"{name}_after_bytes": size for name, size in after.items()},
        "peak_load_bytes": max(peak_load, after["rss"]),
        "peak_decode_bytes": max(peak_decode, after["rss"]),
        "accelerator_bytes": engine.accelerator_bytes(),
        "accelerator_peak_bytes": engine.accelerator_peak_bytes(),
        "reported_bytes": reported.model_bytes,
        "reserved_bytes": reported.reserved_bytes,
    }
    return Observations([row])


def _sizes(roots: Sequence[int], *, without: int) -> dict[str, int]:
    """Return resident, proportional and unique set of process trees in bytes, 0 where the system tells no such size."""
    infos = [_info(member) for member in memory_sampler.trees(roots) if member.pid != without]
    known = [info for info in infos if info is not None]
    sizes = {name: sum(getattr(info, name, 0) for info in known) for name in ("rss", "pss", "uss")}
    # A sum that lacks a process of another user would be taken for the whole.
    return {name: size if all(hasattr(info, name) for info in known) else 0 for name, size in sizes.items()}


def _info(process: psutil.Process) -> Any:
    """Return a process's sizes, only the resident set of another user's process, None for one that is gone."""
    try:
        return process.memory_full_info()
    except psutil.AccessDenied:
        return process.memory_info()
    except psutil.NoSuchProcess:
        return None
