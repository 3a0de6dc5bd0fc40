"""The interface between metrics and the engines that run models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from yardstick.errors import YardstickError

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class ServerSpec:
    """How an engine reaches the server that holds the model, or starts one.

    Attributes:
        url: address of a running server without a path, None for a server that the engine starts.
        model: the name under which a running server knows the model, None for the only one it has.
        digest: how the digest of the server's model must begin, None for any.
        command: program that starts a server.
        arguments: arguments for it beyond those that every model gets.
        start_limit_s: seconds within which it must be ready.
        request_limit_s: seconds without a byte of an answer after which a request is given up.
        log: file for what the started server prints.
        waiting: told what is waited for, between two looks.
    """

    url: str | None = None
    model: str | None = None
    digest: str | None = None
    command: str = ""
    arguments: tuple[str, ...] = ()
    start_limit_s: float = 600.0
    request_limit_s: float = 600.0
    log: Path | None = None
    waiting: Callable[[str], None] = print


@dataclass(frozen=True)
class ModelSpec:
    """What an engine is told of the model that it is to run.

    Attributes:
        name: the model's id, for messages.
        path: folder with the model's files, or its one file; None for a model that a server holds.
        dtype: number format of the weights in memory, None where the engine decides.
        device: cpu, cuda or mps.
        context_length: longest context in tokens, prompt and answer together.
        threads: threads to compute with.
        allow_remote_code: whether Python code beside the weights may run.
        allow_pickle: whether weights that are not safetensors may be loaded.
        server: for engines that talk to a server.
    """

    name: str
    path: Path | None
    dtype: str | None
    device: str
    context_length: int
    threads: int
    allow_remote_code: bool = False
    allow_pickle: bool = False
    server: ServerSpec = field(default_factory=ServerSpec)


@dataclass(frozen=True)
class Completion:
    """The answer to one prompt.

    Attributes:
        text: text of the new tokens, special tokens left out.
        output_tokens: number of new tokens, the end of text counted.
        prompt_tokens: tokens of the prompt.
        finish: stop when the model ended its answer, length when the limit was reached.
        token_ids: ids of the new tokens, empty where the engine does not tell them.
    """

    text: str
    output_tokens: int
    prompt_tokens: int
    finish: Finish
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class TimedCompletion:
    """A completion with times as the caller sees them.

    Attributes:
        completion: the answer.
        start_s: when the request began, in seconds of `time.perf_counter`.
        token_times_s: when each new token arrived, on the same clock; tokens that came together share a time.
        engine_prefill_s: seconds that the engine itself says the prompt took, None where it does not say.
        engine_decode_s: seconds that the engine itself says the new tokens took, None where it does not say.
    """

    completion: Completion
    start_s: float
    token_times_s: tuple[float, ...]
    engine_prefill_s: float | None = None
    engine_decode_s: float | None = None


@dataclass(frozen=True)
class Likelihoods:
    """How likely a model finds several continuations of one prompt.

    Attributes:
        log_likelihoods: natural logarithm of each continuation's probability, in the order that was asked.
        is_greedy: whether greedy decoding yields the continuation.
        prompt_tokens: tokens of the prompt.
    """

    log_likelihoods: tuple[float, ...]
    is_greedy: tuple[bool, ...]
    prompt_tokens: int


@dataclass(frozen=True)
class ReportedMemory:
    """What an engine itself says of its memory.

    Attributes:
        model_bytes: what the model takes, None where it does not say.
        reserved_bytes: what is set aside up front, used or not.
    """

    model_bytes: int | None = None
    reserved_bytes: int = 0


class Engine(ABC):
    """One model in one engine. The order of calls is: prepare, load, anything else, close.

    Attributes:
        most_in_flight: requests that `stream_together` takes at once, None for any number.
        changes_prompts: whether the timed requests get a prefix each, so that no cache of prompts can serve them; the
            same prompt may then be answered differently.
        answers_together: whether `answer` computes prompts as one batch.
    """

    answers_together: bool = False
    most_in_flight: int | None = None
    changes_prompts: bool = False

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    @abstractmethod
    def prepare(self) -> None:
        """Import libraries and read the model's configuration; load no weights."""

    @abstractmethod
    def load(self) -> None:
        """Load tokenizer and weights onto the device, or have the server do so.

        Raises:
            YardstickError: the model cannot be loaded; the line says why.
        """

    @abstractmethod
    def tokenize(self, text: str) -> list[int]:
        """Return the ids of a text's tokens, as a prompt is tokenised.

        Raises:
            YardstickError: the engine has no way to ask for them.
        """

    @abstractmethod
    def render_chat(self, question: str) -> str:
        """Return a question as `answer` takes it with ``is_rendered``: in the model's chat template, ready for the answer.

        An engine whose server applies the template returns the question as it is.
        """

    @abstractmethod
    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        """Answer prompts greedily, together where the engine can, each until it ends or the limit is reached.

        Args:
            prompts: texts; with ``is_rendered`` they hold their special tokens already.
            max_new_tokens: longest answer in tokens.
            is_rendered: whether the prompts come from `render_chat`.
        """

    def sample(
        self, prompt: str, max_new_tokens: int, *, count: int, temperature: float, seed: int, is_rendered: bool
    ) -> list[Completion]:
        """Draw ``count`` answers to one prompt at a temperature; the same for the same seed and versions.

        Raises:
            YardstickError: the engine cannot.
        """
        raise YardstickError(
            f"{self.spec.name}: sampled answers need backend transformers; set samples: 0 in the suite"
        )

    def answer_until(
        self, prompts: Sequence[str], max_new_tokens: int, stops: Sequence[Sequence[str]], *, is_rendered: bool
    ) -> list[Completion]:
        """Like `answer`; an answer may end once it holds one of its prompt's texts in ``stops``, and may go on.

        This is for speed alone: whoever asks cuts the answers.
        """
        return self.answer(prompts, max_new_tokens, is_rendered=is_rendered)

    def answer_each(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        stops: Sequence[Sequence[str]],
        *,
        is_rendered: bool,
        take: Callable[[int], int],
    ) -> Iterator[list[tuple[int, Completion]]]:
        """Yield the number of each prompt with its answer, some at a time, as they end.

        Args:
            prompts: texts, the longest first.
            max_new_tokens: longest answer in tokens.
            stops: of each prompt, as in `answer_until`.
            is_rendered: whether the prompts come from `render_chat`.
            take: number of the next prompt -> how many may be answered together from then on.
        """
        start = 0
        while start < len(prompts):
            end = min(start + take(start), len(prompts))
            found = self.answer_until(prompts[start:end], max_new_tokens, stops[start:end], is_rendered=is_rendered)
            yield list(zip(range(start, end), found, strict=True))
            start = end

    def likelihoods(
        self, prompts: Sequence[str], choices: Sequence[Sequence[str]], *, is_rendered: bool
    ) -> list[Likelihoods]:
        """Return how likely each prompt's choices are as its continuation, the prompts together where the engine can.

        Raises:
            YardstickError: the engine does not tell.
        """
        raise YardstickError(
            f"{self.spec.name}: likelihoods need backend transformers; take a task that generates text"
        )

    @abstractmethod
    def generate(self, prompt: str, new_tokens: int) -> Completion:
        """Decode ``new_tokens`` tokens greedily, going on past the model's end of text.

        An engine that cannot go on returns fewer tokens and says ``stop``.
        """

    @abstractmethod
    def stream(self, prompt: str, new_tokens: int) -> TimedCompletion:
        """Like `generate`, with the time at which each token reaches the caller."""

    @abstractmethod
    def stream_together(self, prompts: Sequence[str], new_tokens: int) -> list[TimedCompletion]:
        """Like `stream` for several prompts at the same moment: one batch in process, requests in flight at a server."""

    @abstractmethod
    def process_ids(self) -> list[int]:
        """Return the processes that hold the model or are about to; their children are counted with them."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return what the loaded engine says of itself, name -> version."""

    def accelerator_bytes(self) -> int:
        """Return the bytes allocated on the accelerator, 0 without one."""
        return 0

    def accelerator_peak_bytes(self) -> int:
        """Return the most bytes allocated on the accelerator since the load began, 0 without one."""
        return 0

    def reported_memory(self) -> ReportedMemory:
        """Return what the engine itself says of its memory."""
        return ReportedMemory()

    @abstractmethod
    def close(self) -> None:
        """Free the model and end all that was started for it; harmless when nothing was."""
