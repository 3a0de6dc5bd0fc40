"""What a download shows: lines in a log, and one line rewritten in place on a terminal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

_TERMINAL_INTERVAL_S = 0.2
_LOG_INTERVAL_S = 2.0
_CLEAR_LINE = "\r\x1b[K"

Clock = Callable[[], float]


class _Sink:
    """One stream and the rate at which it takes passing lines."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._interval_s = _TERMINAL_INTERVAL_S if self._is_terminal else _LOG_INTERVAL_S
        self._last_s = clock()

    def say(self, line: str) -> None:
        self._write(f"{_CLEAR_LINE if self._is_terminal else ''}{line}\n")

    def show(self, line: Callable[[], str]) -> None:
        if self._clock() - self._last_s < self._interval_s:
            return
        self._last_s = self._clock()
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"{_CLEAR_LINE}{line()[:width]}")
        else:
            self._write(f"{line()}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class Console:
    """Tells what happens on any number of streams; with none it keeps silent."""

    def __init__(self, *streams: TextIO, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._sinks = [_Sink(stream, clock) for stream in streams]

    def say(self, line: str) -> None:
        """Print a line that stays."""
        for sink in self._sinks:
            sink.say(line)

    def show(self, line: Callable[[], str]) -> None:
        """Print a passing line, at most one in 2 s to a log; ``line`` is only called where it is printed."""
        for sink in self._sinks:
            sink.show(line)


class Meter:
    """Counts the bytes of one download and shows how far it is."""

    def __init__(self, console: Console, label: str, *, total: int, done: int) -> None:
        """Start at ``done`` of ``total`` bytes."""
        self._console = console
        self._label = label
        self._total = total
        self._done = done
        self._received = 0
        self._start_s = console.clock()

    def advance(self, count: int) -> None:
        """Count bytes received, or take back those of a part that is thrown away with a negative number."""
        self._done += count
        self._total = max(self._total, self._done)
        self._received += max(count, 0)
        self._console.show(self._line)

    def _line(self) -> str:
        elapsed_s = max(self._console.clock() - self._start_s, 1e-9)
        rate = self._received / elapsed_s
        left = f"{duration((self._total - self._done) / rate)} left" if rate > 0 else "time left unknown"
        share = f"{100 * self._done / self._total:.0f} %" if self._total else "100 %"
        return f"{self._label}: {size(self._done)} of {size(self._total)} ({share}), {size(rate)}/s, {left}"


def size(count: float) -> str:
    """Return a number of bytes for readers, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB" if count < 999.5 else f"{count:.0f} TB"


def duration(seconds: float) -> str:
    """Return seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
