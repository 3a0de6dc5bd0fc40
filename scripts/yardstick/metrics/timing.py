"""What the timing metrics share: a quiet interpreter and a loop that ends by count or by time."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the garbage collector from running inside a timed request."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def counted(total: int, time_limit_s: float, progress: Progress) -> Iterator[int]:
    """Yield 0, 1, ... below ``total``; stop early once ``time_limit_s`` is over, but never before the first.

    ``progress`` is told the number done and the total between two observations, never within one.
    """
    end_s = time.perf_counter() + time_limit_s
    for number in range(total):
        if number and time.perf_counter() >= end_s:
            return
        yield number
        progress(number + 1, total)
