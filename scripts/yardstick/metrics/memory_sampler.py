"""Watch the resident memory of process trees from outside, so that loading a model cannot starve the watcher.

Run as a program: `python memory_sampler.py INTERVAL_MS`. Each line on its standard input names the processes whose trees
are to be watched from then on; it is answered with the highest sum in bytes since the line before. It ends with its
input.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterable, Sequence

import psutil


def trees(roots: Iterable[int]) -> list[psutil.Process]:
    """Return processes and their descendants, each once; those that are gone are left out."""
    found: dict[int, psutil.Process] = {}
    for root in roots:
        try:
            process = psutil.Process(root)
            found.update((member.pid, member) for member in [process, *process.children(recursive=True)])
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def trees_rss_bytes(roots: Sequence[int], *, without: int) -> int:
    """Return the resident set of processes and their descendants, ``without`` one of them."""
    total = 0
    for process in trees(roots):
        try:
            total += 0 if process.pid == without else process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def main() -> None:
    """Sample until standard input ends."""
    interval_s = float(sys.argv[1]) / 1000
    roots: list[int] = []
    peak = 0
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], interval_s)
        peak = max(peak, trees_rss_bytes(roots, without=os.getpid()))
        if not ready:
            continue
        line = sys.stdin.readline()
        if not line:
            return
        print(peak, flush=True)
        roots, peak = [int(root) for root in line.split()], 0


if __name__ == "__main__":
    main()
