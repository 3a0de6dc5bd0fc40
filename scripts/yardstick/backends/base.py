"""The interface between metrics and the engines that run models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class ModelSpec:
    """What an engine is told of the model that it is to run.

    Attributes:
        name: the model's id, for messages.
        folder: folder with the model's files.
        dtype: number format of the weights in memory.
        device: cpu, cuda or mps.
        context_length: longest context in tokens, prompt and answer together.
        threads: threads to compute with.
        allow_remote_code: whether Python code beside the weights may run.
        allow_pickle: whether weights that are not safetensors may be loaded.
    """

    name: str
    folder: Path
    dtype: str
    device: str
    context_length: int
    threads: int
    allow_remote_code: bool
    allow_pickle: bool


@dataclass(frozen=True)
class Completion:
    """The answer to one prompt.

    Attributes:
        token_ids: ids of the new tokens.
        text: their text, special tokens left out.
        prompt_tokens: tokens of the prompt.
        finish: stop when the model ended its answer, length when the limit was reached.
    """

    token_ids: tuple[int, ...]
    text: str
    prompt_tokens: int
    finish: Literal["stop", "length"]


@dataclass(frozen=True)
class TimedCompletion:
    """A completion with times as the caller sees them.

    Attributes:
        token_ids: ids of the new tokens.
        prompt_tokens: tokens of the prompt.
        start_s: when the request began, in seconds of `time.perf_counter`.
        token_times_s: when each new token arrived, on the same clock.
    """

    token_ids: tuple[int, ...]
    prompt_tokens: int
    start_s: float
    token_times_s: tuple[float, ...]


class Engine(ABC):
    """One model in one engine. The order of calls is: prepare, load, anything else, close."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    @abstractmethod
    def prepare(self) -> None:
        """Import libraries and read the model's configuration; load no weights."""

    @abstractmethod
    def load(self) -> None:
        """Load tokenizer and weights onto the device.

        Raises:
            YardstickError: the model cannot be loaded; the line says why.
        """

    @abstractmethod
    def render_chat(self, question: str) -> str:
        """Return a question as the model's chat template puts it, ready for the answer."""

    @abstractmethod
    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        """Answer prompts greedily, together where the engine can, each until it ends or the limit is reached.

        Args:
            prompts: texts; with ``is_rendered`` they hold their special tokens already.
            max_new_tokens: longest answer in tokens.
            is_rendered: whether the prompts come from `render_chat`.
        """

    @abstractmethod
    def generate(self, prompt: str, new_tokens: int) -> Completion:
        """Decode exactly ``new_tokens`` tokens greedily, going on past the model's end of text."""

    @abstractmethod
    def stream(self, prompt: str, new_tokens: int) -> TimedCompletion:
        """Like `generate`, with the time at which each token reaches the caller."""

    @abstractmethod
    def process_ids(self) -> list[int]:
        """Return the processes that hold the model; their children are counted with them."""

    @abstractmethod
    def accelerator_bytes(self) -> int:
        """Return the bytes allocated on the accelerator, 0 without one."""

    @abstractmethod
    def close(self) -> None:
        """Free the model and end all that was started for it."""
