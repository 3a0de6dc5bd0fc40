"""What a download shows in a log and on a terminal."""

from __future__ import annotations

import io

import pytest
from yardstick.hub.progress import Console, Meter, duration, size

# Progress


def test_a_log_gets_at_most_one_line_in_two_seconds() -> None:
    now, stream = [0.0], io.StringIO()
    meter = Meter(Console(stream, clock=lambda: now[0]), "tiny/llama", total=100_000_000, done=50_000_000)
    for _ in range(100):
        now[0] += 0.1
        meter.advance(100_000)
    lines = stream.getvalue().splitlines()
    assert 4 <= len(lines) <= 5
    assert lines[0] == "tiny/llama: 52 MB of 100 MB (52 %), 1 MB/s, 0:48 left"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line_that_is_rewritten() -> None:
    now, stream = [0.0], Terminal()
    console = Console(stream, clock=lambda: now[0])
    meter = Meter(console, "tiny/llama", total=1000, done=0)
    for _ in range(3):
        now[0] += 0.5
        meter.advance(100)
    console.say("done")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().count("\r\x1b[K") == 4


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_600, "1 MB"), (5.1e9, "5.1 GB"), (2e12, "2 TB")],
)
def test_sizes_are_in_powers_of_a_thousand(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "0:05"), (65, "1:05"), (3725, "1:02:05")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
