"""A backend that answers at once and holds no model: it exists only in copies of the project that a benchmark makes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from yardstick.backends.base import Completion, Engine, TimedCompletion


class DummyEngine(Engine):
    """Answers every prompt with dots, one a token."""

    def prepare(self) -> None:
        pass

    def load(self) -> None:
        pass

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    def render_chat(self, question: str) -> str:
        return question

    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        return [self.generate(prompt, max_new_tokens) for prompt in prompts]

    def generate(self, prompt: str, new_tokens: int) -> Completion:
        return Completion("." * new_tokens, new_tokens, len(prompt), "length", (46,) * new_tokens)

    def stream(self, prompt: str, new_tokens: int) -> TimedCompletion:
        start_s = time.perf_counter()
        times_s = tuple(time.perf_counter() for _ in range(new_tokens))
        return TimedCompletion(self.generate(prompt, new_tokens), start_s, times_s)

    def stream_together(self, prompts: Sequence[str], new_tokens: int) -> list[TimedCompletion]:
        return [self.stream(prompt, new_tokens) for prompt in prompts]

    def process_ids(self) -> list[int]:
        return [os.getpid()]

    def versions(self) -> dict[str, str]:
        return {"dummy": "1"}

    def close(self) -> None:
        pass
