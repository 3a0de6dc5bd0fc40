"""What the timing metrics share: a quiet interpreter, and sampling that ends when the mean is known well enough."""

from __future__ import annotations

import gc
import itertools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from scipy.special import stdtrit

from yardstick.backends.base import TimedCompletion
from yardstick.errors import YardstickError
from yardstick.metrics.observations import Progress

_CONFIDENCE = 0.95


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the garbage collector from running inside a timed request."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Sampling:
    """A loop over observations that ends by precision, by count or by time.

    Iterating yields 0, 1, ...; each observation's value is given to `note` before the next. The loop ends

    - ``interval``: the 95 % Student t interval of the mean is at most ``relative_interval`` of the mean to either
      side, and at least ``least`` observations and ``least_s`` seconds were spent;
    - ``count``: ``most`` observations were made;
    - ``seconds``: ``most_s`` seconds are over; the first observation is always made.

    Looking again after every observation can stop early by luck: of simulated intervals, 92 to 96 % hold the true mean,
    the fewest where the spread asks for about 2 to 3 times ``least`` (tests/benchmarks/bench_intervals.py prints it).
    """

    def __init__(
        self,
        *,
        relative_interval: float,
        least: int,
        most: int,
        least_s: float,
        most_s: float,
        progress: Progress,
    ) -> None:
        self._relative_interval = relative_interval
        self._least, self._most = least, most
        self._least_s, self._most_s = least_s, most_s
        self._progress = progress
        self._values: list[float] = []
        self.stopped_by: Literal["interval", "count", "seconds"] | None = None

    def __iter__(self) -> Iterator[int]:
        start_s = time.perf_counter()
        while self.stopped_by is None:
            yield len(self._values)
            # Told between two observations, never within one.
            self._progress(len(self._values), self._most)
            self.stopped_by = self._reason(time.perf_counter() - start_s)

    def note(self, value: float) -> None:
        """Add the value of the observation that was just made, in any unit."""
        self._values.append(value)

    def document(self) -> dict[str, Any]:
        """Return what stopped the sampling and how wide the interval was in the end, as the shard stores it."""
        width = relative_interval(self._values)
        return {"stopped_by": self.stopped_by, "relative_interval": None if width is None else round(width, 5)}

    def _reason(self, elapsed_s: float) -> Literal["interval", "count", "seconds"] | None:
        if elapsed_s >= self._most_s:
            return "seconds"
        if len(self._values) >= self._least and elapsed_s >= self._least_s:
            width = relative_interval(self._values)
            if width is not None and width <= self._relative_interval:
                return "interval"
        return "count" if len(self._values) >= self._most else None


def relative_interval(values: list[float]) -> float | None:
    """Return half the width of the 95 % Student t interval of the mean over the mean; None for fewer than two values."""
    n = len(values)
    if n < 2:
        return None
    mean = math.fsum(values) / n
    if mean <= 0:
        return None
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return float(stdtrit(n - 1, (1 + _CONFIDENCE) / 2)) * math.sqrt(variance / n) / mean


def request_times(timed: TimedCompletion) -> dict[str, Any]:
    """Return the counts and times of one request, seconds.

    Raises:
        YardstickError: no token came.
    """
    times = timed.token_times_s
    if not times:
        raise YardstickError("a request got no new token; the model ends at once on this prompt, so it cannot be timed")
    return {
        "prompt_tokens": timed.completion.prompt_tokens,
        "output_tokens": timed.completion.output_tokens,
        "ttft_s": times[0] - timed.start_s,
        "e2e_s": times[-1] - timed.start_s,
        "itl_s": [after - before for before, after in itertools.pairwise(times)],
    }
