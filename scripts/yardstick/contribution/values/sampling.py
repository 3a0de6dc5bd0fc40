"""Whether the number of observations and what ended the sampling agree with the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from yardstick.contribution.documents import Run
from yardstick.metrics.timing import relative_interval

# The stored interval has five digits.
_ROUNDING = 2e-5


def sampling_problems(
    run: Run, protocol: Mapping[str, Any], values: Sequence[float], *, least: int, most: int
) -> Iterator[str]:
    """Yield what is wrong with the end of the sampling.

    Args:
        run: the run.
        protocol: the metric's settings.
        values: the observations' values, of which the interval is taken.
        least: observations before precision can end it.
        most: observations after which it ends.
    """
    n = len(values)
    if n > most:
        yield f"{n} rows, the protocol ends at {most}"
        return
    width = relative_interval(list(values))
    told = run.sampling.relative_interval
    if told is not None and (width is None or abs(told - width) > _ROUNDING):
        yield f"sampling relative_interval: {told}, the rows give {'none' if width is None else round(width, 5)}"
    yield from _end_problems(run, protocol, n, width, least=least, most=most)


def wall_problems(run: Run, seconds: Sequence[float]) -> Iterator[str]:
    """Yield what is wrong when observations one after another take longer than the whole measurement."""
    if sum(seconds) > 1.001 * run.guards.wall_s + 0.01:
        yield f"the rows take {sum(seconds):.3f} s together, the whole measurement {run.guards.wall_s:.3f} s"


def _end_problems(
    run: Run, protocol: Mapping[str, Any], n: int, width: float | None, *, least: int, most: int
) -> Iterator[str]:
    stopped_by = run.sampling.stopped_by
    if stopped_by == "count" and n != most:
        yield f"sampling ended by count after {n} rows, the protocol says {most}"
    if stopped_by == "interval" and (n < least or width is None or width > protocol["relative_interval"] + _ROUNDING):
        yield f"sampling ended by precision after {n} rows, which are too few or too wide"
    if stopped_by == "interval" and run.guards.wall_s < 0.999 * protocol["least_s"] - 0.01:
        yield f"sampling ended by precision after {run.guards.wall_s} s, the protocol says {protocol['least_s']} at least"
    if stopped_by == "seconds" and run.guards.wall_s < 0.999 * protocol["most_s"] - 0.01:
        yield f"sampling ended by time after {run.guards.wall_s} s, the protocol says {protocol['most_s']}"
    if stopped_by == "gain":
        yield "sampling ended by gain, which only concurrency does"
