"""A process of its own that watches the resident memory of process trees, and what it saw."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from yardstick.metrics import memory_sampler


class MemoryWatcher:
    """The sampling process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def peak_bytes(self, next_roots: Sequence[int]) -> int:
        """Return the highest resident set since the last call, and watch these processes' trees from now on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, next_roots)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def watching(interval_ms: float) -> Iterator[MemoryWatcher]:
    """Yield a watcher that looks every ``interval_ms`` milliseconds; it watches nothing yet."""
    command = [sys.executable, memory_sampler.__file__, str(interval_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        watcher = MemoryWatcher(process)
        watcher.peak_bytes([])
        try:
            yield watcher
        finally:
            process.kill()
