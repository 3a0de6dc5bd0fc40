"""What a job says: progress on the terminal, everything else in its log file."""

from __future__ import annotations

import io
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from yardstick.errors import YardstickError

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_BETWEEN_UPDATES = 0.2


class Console:
    """The terminal and the log of one job. Output of libraries goes to the log alone."""

    def __init__(self, title: str, log: Path | None) -> None:
        self._title = title
        self._terminal: TextIO = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
        self._is_terminal = self._terminal.isatty()
        self._log = log
        self._started_s = self._last_s = time.monotonic()
        self._is_line_open = False
        if log is not None:
            _redirect_output(log)

    def say(self, text: str) -> None:
        """Print a line on the terminal and in the log."""
        self._close_line()
        print(f"{self._title}: {text}", file=self._terminal, flush=True)
        self._note(f"{self._title}: {text}")

    def progress(self, done: int, total: int) -> None:
        """Tell how far the job is and the time left: on a terminal in place, elsewhere a line now and then."""
        now_s = time.monotonic()
        pause_s = _SECONDS_BETWEEN_UPDATES if self._is_terminal else _SECONDS_BETWEEN_LINES
        if done == 1:
            self._started_s = now_s
        if now_s - self._last_s < pause_s and not (done == total and self._is_line_open):
            return
        self._last_s = now_s
        text = f"{self._title}: {done} of {total}{self._time_left(done, total, now_s)}"
        if self._is_terminal:
            print(f"\r\033[K{text}", end="", file=self._terminal, flush=True)
            self._is_line_open = True
        else:
            print(text, file=self._terminal, flush=True)

    def fail(self, error: BaseException) -> None:
        """Print one line for an error; the log gets the traceback of an error that nobody expected."""
        if isinstance(error, YardstickError):
            line = str(error)
        else:
            self._note("".join(traceback.format_exception(error)).rstrip())
            where = f"; the traceback is in {self._log}" if self._log else ""
            line = f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:200]}{where}"
        self._close_line()
        print(f"{self._title}: error: {line}", file=self._terminal, flush=True)
        self._note(f"error: {line}")

    def _time_left(self, done: int, total: int, now_s: float) -> str:
        if done < 2 or done >= total:
            return ""
        return f", about {(now_s - self._started_s) / (done - 1) * (total - done):.0f} s left"

    def _close_line(self) -> None:
        if self._is_line_open:
            print("\r\033[K", end="", file=self._terminal, flush=True)
            self._is_line_open = False

    def _note(self, text: str) -> None:
        if self._log is not None:
            print(text, file=sys.stderr, flush=True)


def _redirect_output(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def run_job(title: str, log: Path | None, job: Callable[[Console], None]) -> int:
    """Run a job and return its exit status; a mistake of the user ends in one line, never in a traceback."""
    try:
        console = Console(title, log)
    except OSError as error:
        print(
            f"{title}: error: {log}: the log cannot be written ({error.strerror}); give another --log", file=sys.stderr
        )
        return 1
    try:
        job(console)
    except KeyboardInterrupt:
        console.say("stopped on request; nothing finished is lost, run the same command again")
        return 130
    except Exception as error:
        console.fail(error)
        return 1
    return 0


def print_report(report: Callable[[], str]) -> int:
    """Print what a script was asked for and return its exit status; a mistake of the user ends in one line."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a letter gets a question mark, and no traceback.
        sys.stdout.reconfigure(errors="replace")
    try:
        print(report())
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
