"""An engine that computes nothing, a clock that only it moves, and the prompts that tests give it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from yardstick.backends.base import Completion, Engine, ModelSpec, TimedCompletion

PROMPTS = ["one", "two words", "and three words"]
SPEC: dict[str, Any] = {"name": "tiny", "dtype": "float32", "device": "cpu", "context_length": 512, "threads": 1}
SPEC |= {"allow_remote_code": False, "allow_pickle": False}


class Scripted(Engine):
    """An engine that computes nothing and takes the time it is told to."""

    def __init__(self, *, first_s: float = 0, gap_s: float = 0, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(ModelSpec(**SPEC, path=Path()))
        self.first_s, self.gap_s, self.sleep = first_s, gap_s, sleep
        self.calls: list[str] = []
        self.batches: list[tuple[list[str], bool]] = []
        self.saw_collector: list[bool] = []

    def prepare(self) -> None:
        self.calls.append("prepare")

    def load(self) -> None:
        self.calls.append("load")

    def render_chat(self, question: str) -> str:
        return f"<chat>{question}"

    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        self.batches.append((list(prompts), is_rendered))
        return [Completion(prompt.upper(), max_new_tokens, len(prompt.split()), "stop") for prompt in prompts]

    def generate(self, prompt: str, new_tokens: int) -> Completion:
        return self.stream(prompt, new_tokens).completion

    def stream(self, prompt: str, new_tokens: int) -> TimedCompletion:
        self.calls.append(prompt)
        self.saw_collector.append(gc.isenabled())
        start_s = time.perf_counter()
        times = []
        for number in range(new_tokens):
            self.sleep(self.gap_s if number else self.first_s)
            times.append(time.perf_counter())
        ids = tuple(range(new_tokens))
        return TimedCompletion(Completion("", new_tokens, len(prompt.split()), "length", ids), start_s, tuple(times))

    def stream_together(self, prompts: Sequence[str], new_tokens: int) -> list[TimedCompletion]:
        """One batch: twice the prompts take half as long again."""
        self.batches.append((list(prompts), False))
        start_s = time.perf_counter()
        self.sleep(self.gap_s * (1 + len(prompts)) / 2)
        times = (time.perf_counter(),) * new_tokens
        return [TimedCompletion(Completion("", new_tokens, 1, "length"), start_s, times) for _ in prompts]

    def tokenize(self, text: str) -> list[int]:
        raise NotImplementedError

    def versions(self) -> dict[str, str]:
        return {}

    def process_ids(self) -> list[int]:
        raise NotImplementedError

    def close(self) -> None:
        self.calls.append("close")


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def ignore(_done: int, _total: int) -> None:
    return
