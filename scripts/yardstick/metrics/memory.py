"""Memory: how much the process tree grows over the load, and its peaks while loading and decoding."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psutil

from yardstick.backends.base import Engine
from yardstick.metrics import memory_sampler
from yardstick.metrics.timing import Progress


class _Watcher:
    """The sampling process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def peak_bytes(self) -> int:
        """Return the highest resident set since the last call."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def observe(
    engine: Engine, *, prompts: Sequence[str], max_new_tokens: int, sample_interval_ms: float, progress: Progress
) -> list[dict[str, Any]]:
    """Return one row of sizes in bytes.

    Args:
        engine: a prepared engine, libraries imported and no weights loaded; it is loaded here.
        prompts: the first is decoded while the peak is watched.
        max_new_tokens: new tokens decoded meanwhile.
        sample_interval_ms: milliseconds between two looks at the process tree.
        progress: told (done, total) after loading and after decoding.
    """
    root = engine.process_ids()[0]
    with _watching(root, sample_interval_ms) as watcher:
        gc.collect()
        before = _tree_sizes(root, without=watcher.pid)
        watcher.peak_bytes()
        engine.load()
        peak_load = watcher.peak_bytes()
        gc.collect()
        after = _tree_sizes(root, without=watcher.pid)
        progress(1, 2)
        engine.generate(prompts[0], max_new_tokens)
        peak_decode = watcher.peak_bytes()
        progress(2, 2)
    return [
        {
            **{f"{name}_before_bytes": size for name, size in before.items()},
            **{f"{name}_after_bytes": size for name, size in after.items()},
            "peak_load_bytes": max(peak_load, after["rss"]),
            "peak_decode_bytes": max(peak_decode, after["rss"]),
            "accelerator_bytes": engine.accelerator_bytes(),
        }
    ]


@contextmanager
def _watching(root: int, interval_ms: float) -> Iterator[_Watcher]:
    command = [sys.executable, memory_sampler.__file__, str(root), str(interval_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        watcher = _Watcher(process)
        watcher.peak_bytes()
        try:
            yield watcher
        finally:
            process.kill()


def _tree_sizes(root: int, *, without: int) -> dict[str, int]:
    """Return resident, proportional and unique set of a process tree in bytes, 0 where the system has no such size."""
    sizes = {"rss": 0, "pss": 0, "uss": 0}
    process = psutil.Process(root)
    for member in [process, *process.children(recursive=True)]:
        if member.pid == without:
            continue
        info = member.memory_full_info()
        for name in sizes:
            sizes[name] += getattr(info, name, 0)
    return sizes
