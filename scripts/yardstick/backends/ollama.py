"""Run models in an Ollama server that runs already, through its own API."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from yardstick.backends.base import Completion, Finish, ModelSpec, ReportedMemory, TimedCompletion
from yardstick.backends.http_client import HttpClient, said
from yardstick.backends.server_engine import ServerEngine, arrivals
from yardstick.errors import YardstickError

_NS = 1e-9
# Ollama drops an answer once so many chunks in a row are alike: without a last record, later versions with this error.
_REPEATS = 30
_REPEAT_ERROR = "token repeat limit"


@dataclass
class _Stream:
    """What a streamed answer has brought so far."""

    texts: list[str] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_REPEATS))
    last: dict[str, Any] | None = None
    is_dropped: bool = False


class OllamaEngine(ServerEngine):
    """A model that an Ollama server holds. Its cache of prompts has no switch, so timed prompts get a prefix."""

    changes_prompts = True

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self._model = spec.server.model or spec.name
        self._http: HttpClient | None = None

    def prepare(self) -> None:
        """Check the server and the model's digest, and unload the model if it is loaded."""
        self._check_digest()
        self._keep(0)

    def load(self) -> None:
        """Have the server load the model with this context, and keep it."""
        self._keep(-1)

    def tokenize(self, text: str) -> list[int]:
        """Raise: Ollama's API tells how many tokens a prompt has, not which."""
        raise YardstickError(f"{self.spec.name}: Ollama does not tell tokens; measure this with another backend")

    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        """Answer prompts one by one; chat questions through the server's own template."""
        return self.answer_until(prompts, max_new_tokens, [()] * len(prompts), is_rendered=is_rendered)

    def answer_until(
        self, prompts: Sequence[str], max_new_tokens: int, stops: Sequence[Sequence[str]], *, is_rendered: bool
    ) -> list[Completion]:
        """Answer prompts one by one; the server cuts an answer at the first of its prompt's texts."""
        path = "/api/chat" if is_rendered else "/api/generate"
        asked = (self._ask(path, *pair, max_new_tokens) for pair in zip(prompts, stops, strict=True))
        return [self._whole(self._completion(stream), max_new_tokens) for stream in asked]

    def generate(self, prompt: str, new_tokens: int) -> Completion:
        """Decode up to ``new_tokens`` tokens: Ollama cannot go on past the end of text."""
        stream = self._ask("/api/generate", self._with_prefix(prompt), (), new_tokens)
        return self._whole(self._completion(stream), new_tokens)

    def stream(self, prompt: str, new_tokens: int) -> TimedCompletion:
        """Like `generate`, with the time at which each token's line arrived, and the server's own durations."""
        start_s = time.perf_counter()
        stream = self._ask("/api/generate", self._with_prefix(prompt), (), new_tokens)
        completion = self._whole(self._completion(stream), new_tokens)
        last = stream.last or {}
        return TimedCompletion(
            completion,
            start_s,
            arrivals(stream.times_s, [None] * len(stream.times_s), completion.output_tokens),
            _seconds(last, "prompt_eval_duration"),
            _seconds(last, "eval_duration"),
        )

    def versions(self) -> dict[str, str]:
        """Return the server's version and the model's digest."""
        version = self._client().get_json("/api/version").get("version")
        return {"ollama": str(version), "digest": self._digest()}

    def accelerator_bytes(self) -> int:
        """Return the bytes of the model that the server says lie on the accelerator."""
        return int(self._loaded().get("size_vram") or 0)

    def accelerator_peak_bytes(self) -> int:
        """Return the same: the server keeps no peak."""
        return self.accelerator_bytes()

    def reported_memory(self) -> ReportedMemory:
        """Return the size that the server gives for the loaded model."""
        size = self._loaded().get("size")
        return ReportedMemory(model_bytes=int(size) if size else None)

    def close(self) -> None:
        """Unload the model and close the connections."""
        if self._http is None:
            return
        try:
            self._keep(0)
        except YardstickError as error:
            # The measurement is over: a server that is gone holds no model.
            self.spec.server.waiting(f"not unloaded: {error}")
        self._http.close()
        self._http = None

    def _client(self) -> HttpClient:
        if self._http is None:
            url = self.spec.server.url or "http://127.0.0.1:11434"
            self._http = HttpClient(self.spec.name, url, request_limit_s=self.spec.server.request_limit_s)
        return self._http

    def _check_digest(self) -> None:
        digest, pinned = self._digest(), self.spec.server.digest
        if pinned and not digest.startswith(pinned):
            raise YardstickError(
                f"{self.spec.name}: the server's {self._model} has digest {digest[:12]}, the registry names {pinned}; "
                "pull the one or correct the other"
            )

    def _digest(self) -> str:
        for model in self._client().get_json("/api/tags").get("models") or []:
            if self._model in (model.get("name"), model.get("model")):
                return str(model.get("digest") or "").removeprefix("sha256:")
        raise YardstickError(
            f"{self.spec.name}: the server has no model {self._model}; fetch it with: ollama pull {self._model}"
        )

    def _loaded(self) -> dict[str, Any]:
        """Return what the server says of the loaded model, empty when it is not loaded."""
        models: list[dict[str, Any]] = self._client().get_json("/api/ps").get("models") or []
        return next((model for model in models if self._model in (model.get("name"), model.get("model"))), {})

    def _options(self, new_tokens: int) -> dict[str, Any]:
        """Return every setting that has a default which could change: the model's own file may set any of them."""
        options = {
            "num_ctx": self.spec.context_length,
            "num_predict": new_tokens,
            "num_thread": self.spec.threads,
            "seed": 0,
            "temperature": 0,
            "repeat_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
        }
        return options | ({"num_gpu": 0} if self.spec.device == "cpu" else {})

    def _keep(self, seconds: int) -> None:
        """Load the model and keep it for so long, for ever if negative; unload it if 0."""
        body = {"model": self._model, "prompt": "", "stream": False, "keep_alive": seconds, "options": self._options(1)}
        found = self._client().post("/api/generate", body)
        if "error" in found:
            raise YardstickError(f"{self.spec.name}: the server cannot load the model: {said(json.dumps(found))}")

    def _ask(self, path: str, prompt: str, stop: Sequence[str], new_tokens: int) -> _Stream:
        """Stream an answer: only a stream shows that Ollama gave up on repeated tokens."""
        body: dict[str, Any] = {
            "model": self._model,
            "stream": True,
            "think": False,
            "keep_alive": -1,
            # Otherwise a prompt that is too long loses its middle, and an answer its beginning, without a word.
            "truncate": False,
            "shift": False,
            "options": self._options(new_tokens) | ({"stop": list(stop)} if stop else {}),
        }
        if path == "/api/chat":
            body["messages"] = [{"role": "user", "content": prompt}]
        else:
            body |= {"prompt": prompt, "raw": True}
        stream = _Stream()
        with self._client().lines(path, body) as lines:
            for line in lines:
                self._take(stream, line, time.perf_counter())
        if stream.last is None and not stream.is_dropped and not _is_repetition(stream):
            raise YardstickError(f"{self.spec.name}: the server ended the stream early; look at its log")
        return stream

    def _take(self, stream: _Stream, line: str, time_s: float) -> None:
        if not line.strip():
            return
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict) and _REPEAT_ERROR in str(record.get("error")):
            stream.is_dropped = True
            return
        if not isinstance(record, dict) or "error" in record:
            raise YardstickError(f"{self.spec.name}: the server broke off: {said(line)}")
        message = record.get("message") or {}
        text = str(record.get("response") or message.get("content") or "")
        thought = str(record.get("thinking") or message.get("thinking") or "")
        if record.get("done"):
            stream.last = record
        if text or thought or not record.get("done"):
            stream.texts.append(text)
            stream.times_s.append(time_s)
            stream.tail.append((text or thought).strip())

    def _completion(self, stream: _Stream) -> Completion:
        """Return what came; counts of zero are left out by the server, and all of them when it gave up on repeats."""
        last = stream.last or {"eval_count": len(stream.texts)}
        finish: Finish = "length" if last.get("done_reason") == "length" else "stop"
        prompt_tokens, output_tokens = int(last.get("prompt_eval_count") or 0), int(last.get("eval_count") or 0)
        return Completion("".join(stream.texts), output_tokens, prompt_tokens, finish)


def _is_repetition(stream: _Stream) -> bool:
    return len(stream.tail) == _REPEATS and len(set(stream.tail)) == 1


def _seconds(record: dict[str, Any], name: str) -> float | None:
    """Return a duration that the server gives in nanoseconds, 0 where it left out a zero, None without a last record."""
    return int(record.get(name) or 0) * _NS if record else None
