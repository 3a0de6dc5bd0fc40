"""Long text against an engine whose schedule is known."""

from __future__ import annotations

import mmap
import os
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import Clock, Scripted, ignore
from yardstick.backends.base import Completion, TimedCompletion
from yardstick.errors import YardstickError
from yardstick.metrics import long_text
from yardstick.metrics.long_text import lengths_within
from yardstick.metrics.observations import Observations
from yardstick.shards import SCHEMAS

PROMPTS = ["a prompt of five words", "and one more"]


class Reader(Scripted):
    """Reads a word, which is a token, in the time that it is told; it holds its words in memory if asked."""

    def __init__(self, *, context: int = 512, first_s: float = 0, gap_s: float = 0, sleep: Any = time.sleep) -> None:
        super().__init__(first_s=first_s, gap_s=gap_s, sleep=sleep)
        self.spec = replace(self.spec, context_length=context)
        self.bytes_per_token = 0
        self.held: mmap.mmap | None = None

    def tokenize(self, text: str) -> list[int]:
        return list(range(len(text.split())))

    def process_ids(self) -> list[int]:
        return [os.getpid()]

    def stream(self, prompt: str, new_tokens: int) -> TimedCompletion:
        tokens = len(prompt.split())
        assert tokens + new_tokens <= self.spec.context_length
        self.calls.append(prompt)
        start_s = time.perf_counter()
        if self.bytes_per_token:
            # Mapped and touched: the heap may serve it from memory that is resident already.
            self.held = mmap.mmap(-1, tokens * self.bytes_per_token)
            for page in range(0, len(self.held), mmap.PAGESIZE):
                self.held[page] = 1
            time.sleep(0.05)
        times = []
        for number in range(new_tokens):
            self.sleep(self.gap_s if number else self.first_s * tokens)
            times.append(time.perf_counter())
        return TimedCompletion(Completion("", new_tokens, tokens, "length"), start_s, tuple(times))


def observed(engine: Reader, **changes: Any) -> Observations:
    settings = {"lengths": [16, 32, 64], "new_tokens": 3, "requests": 2, "generated_tokens": 40, "generations": 2}
    return long_text.observe(engine, **{"prompts": PROMPTS, "most_s": 1e6, "progress": ignore, **settings, **changes})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now_s)
    return clock


def test_a_row_is_the_requests_of_a_length_without_the_one_that_warms_up(clock: Clock) -> None:
    engine = Reader(first_s=0.5, gap_s=0.25, sleep=clock.sleep)
    rows = observed(engine).rows
    assert [set(row) for row in rows] == [set(SCHEMAS["long_text"].names)] * 4
    assert [(row["part"], row["length"], row["requests"]) for row in rows] == [
        ("prompt", 16, 2),
        ("prompt", 32, 2),
        ("prompt", 64, 2),
        ("generation", 40, 2),
    ]
    assert [row["prompt_tokens"] for row in rows] == [32, 64, 128, 10]
    assert [row["output_tokens"] for row in rows] == [6, 6, 6, 80]
    assert (rows[0]["ttft_s"], rows[0]["itl_s"]) == ([8.0, 8.0], [[0.25, 0.25], [0.25, 0.25]])
    # Three requests of each length, one word each of them a token; one that counts the tokens of the prompt.
    assert [len(call.split()) for call in engine.calls[1:]] == [16] * 3 + [32] * 3 + [64] * 3 + [5] * 3


def test_the_last_length_is_what_the_context_holds() -> None:
    rows = observed(Reader(context=50), generated_tokens=1000).rows
    assert [row["length"] for row in rows] == [16, 32, 47, 45]
    assert rows[2]["prompt_tokens"] == 2 * 47


def test_a_context_without_room_is_one_line() -> None:
    with pytest.raises(YardstickError, match="has no room beside 9 of them; shorten the prompts or"):
        observed(Reader(context=10), new_tokens=9)


def test_a_length_that_would_end_too_late_is_not_begun(clock: Clock) -> None:
    # Three requests of 16 s, then three of 32 s, which end after the limit.
    found = observed(Reader(first_s=1, sleep=clock.sleep), most_s=100)
    assert [row["length"] for row in found.rows] == [16, 40]
    assert found.sampling == {"stopped_by": "seconds", "relative_interval": None}


def test_long_answers_end_with_the_time_and_one_is_always_timed(clock: Clock) -> None:
    row = observed(Reader(gap_s=10, sleep=clock.sleep), most_s=1).rows[-1]
    assert (row["requests"], row["output_tokens"]) == (1, 40)


def test_an_engine_that_tells_no_tokens_gets_prompts_by_their_letters() -> None:
    class Silent(Reader):
        def tokenize(self, text: str) -> list[int]:
            raise YardstickError("no tokens")

    tokens = [row["prompt_tokens"] / row["requests"] for row in observed(Silent()).rows[:3]]
    assert all(0.7 * length <= found <= length for found, length in zip(tokens, (16, 32, 64), strict=True))


def test_an_engine_that_adds_a_prefix_keeps_room_for_it() -> None:
    engine = Reader(context=100)
    engine.changes_prompts = True
    assert [row["length"] for row in observed(engine).rows] == [16, 32, 33, 31]


def test_memory_is_the_peak_of_the_request_that_warms_up() -> None:
    engine = Reader()
    engine.bytes_per_token = 1_000_000
    rows = observed(engine).rows
    grown = [row["peak_bytes"] - rows[0]["resident_before_bytes"] for row in rows[:3]]
    assert grown[0] > 10e6
    assert grown[2] - grown[0] > 30e6
    assert (rows[3]["peak_bytes"], rows[3]["resident_before_bytes"]) == (None, None)


def test_of_a_server_elsewhere_no_memory_is_seen() -> None:
    class Elsewhere(Reader):
        def process_ids(self) -> list[int]:
            return []

    assert {row["peak_bytes"] for row in observed(Elsewhere()).rows} == {None}


@given(st.lists(st.integers(8, 10**6), min_size=1, unique=True).map(sorted), st.integers(2, 10**6))
def test_lengths_go_up_to_the_most_and_reach_it_where_one_is_longer(lengths: list[int], most: int) -> None:
    found = lengths_within(lengths, most)
    assert found == sorted(set(found))
    assert max(found) == min(most, lengths[-1])
    assert set(found) - {most} <= set(lengths)
