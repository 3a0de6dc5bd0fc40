"""Watch the resident memory of a process tree from outside, so that loading a model cannot starve the watcher.

Run as a program: `python memory_sampler.py PID INTERVAL_MS`. It answers each line on its standard input with the
highest sum in bytes since the line before, and ends with its input.
"""

from __future__ import annotations

import os
import select
import sys

import psutil


def tree_rss_bytes(root: int, *, without: int) -> int:
    """Return the resident set of a process and its descendants, ``without`` one of them."""
    total = 0
    for process in _tree(root):
        try:
            total += 0 if process.pid == without else process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _tree(root: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def main() -> None:
    """Sample until standard input ends."""
    root, interval_s = int(sys.argv[1]), float(sys.argv[2]) / 1000
    peak = tree_rss_bytes(root, without=os.getpid())
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], interval_s)
        peak = max(peak, tree_rss_bytes(root, without=os.getpid()))
        if not ready:
            continue
        if not sys.stdin.readline():
            return
        print(peak, flush=True)
        peak = 0


if __name__ == "__main__":
    main()
