"""Run models in any server with OpenAI's completions API: one that runs already, on this machine or network."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from yardstick.backends.base import Completion, ModelSpec, TimedCompletion
from yardstick.backends.http_client import HttpClient, said
from yardstick.backends.server_engine import ServerEngine, arrivals
from yardstick.errors import YardstickError


@dataclass(frozen=True)
class Dialect:
    """What a kind of server takes beyond the standard.

    Attributes:
        every: keys sent with every request.
        fixed_length: keys that make the model go on past its end of text; ``min_tokens`` gets the number.
        streaming: further keys of ``stream_options``.
        reuses_prompts: whether the server may answer from a cache of prompts that no key switches off.
    """

    every: dict[str, Any] = field(default_factory=dict)
    fixed_length: tuple[str, ...] = ()
    streaming: tuple[str, ...] = ()
    reuses_prompts: bool = True


STANDARD = Dialect()
# Servers that know `ignore_eos`: SGLang and others; unknown servers are asked before it is used.
LENIENT = Dialect(fixed_length=("ignore_eos", "min_tokens"))
LLAMA_SERVER = Dialect(
    every={"cache_prompt": False, "repeat_penalty": 1.0, "timings_per_token": True},
    fixed_length=("ignore_eos",),
    reuses_prompts=False,
)

# OpenAI's API takes no more texts to stop at.
_MOST_STOPS = 4


@dataclass
class _Stream:
    """What a streamed answer has brought so far."""

    texts: list[str] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    tokens: list[int | None] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)
    counted: int = 0
    finish: str | None = None
    is_done: bool = False


class OpenAIServerEngine(ServerEngine):
    """A model that a running server knows by name."""

    _dialect: Dialect = STANDARD

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self._http: HttpClient | None = None
        self._model = ""
        self._versions: dict[str, str] = {}

    def prepare(self) -> None:
        """Do nothing: there is no library to import and no configuration to read."""

    def load(self) -> None:
        """Find the model on the server, and how the server is to be talked to."""
        if not self.spec.server.url:
            raise YardstickError(f"{self.spec.name}: needs the address of a running server; add server: {{url: ...}}")
        self._connect(self.spec.server.url)
        if self._dialect is STANDARD:
            self._dialect = self._found_dialect()
        self.changes_prompts = self._dialect.reuses_prompts

    def tokenize(self, text: str) -> list[int]:
        """Return a prompt's token ids where the server has vLLM's or llama-server's ``/tokenize``."""
        found = self._client().post("/tokenize", {"model": self._model, "prompt": text, "content": text})
        tokens = found.get("tokens")
        if not isinstance(tokens, list):
            raise YardstickError(f"{self.spec.name}: the server does not tell tokens")
        return [int(token) for token in tokens]

    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        """Answer prompts one by one: in a batch, a server's arithmetic may differ from run to run."""
        return self.answer_until(prompts, max_new_tokens, [()] * len(prompts), is_rendered=is_rendered)

    def answer_until(
        self, prompts: Sequence[str], max_new_tokens: int, stops: Sequence[Sequence[str]], *, is_rendered: bool
    ) -> list[Completion]:
        """Answer prompts one by one; the server cuts an answer at the first of its prompt's texts."""
        return [
            self._answer(prompt, max_new_tokens, stop, is_chat=is_rendered)
            for prompt, stop in zip(prompts, stops, strict=True)
        ]

    def generate(self, prompt: str, new_tokens: int) -> Completion:
        """Decode ``new_tokens`` tokens; fewer where the server cannot go on past the end of text."""
        path, body = self._request(self._timed_prompt(prompt), new_tokens, is_fixed=True)
        return self._whole(self._completion(self._client().post(path, body), is_chat=False), new_tokens)

    def stream(self, prompt: str, new_tokens: int) -> TimedCompletion:
        """Like `generate`, with the time at which each token's chunk arrived."""
        path, body = self._request(self._timed_prompt(prompt), new_tokens, is_fixed=True)
        options = {"include_usage": True} | dict.fromkeys(self._dialect.streaming, True)
        start_s = time.perf_counter()
        stream = self._read(path, body | {"stream": True, "stream_options": options})
        timed = self._timed(stream, start_s)
        self._whole(timed.completion, new_tokens)
        return timed

    def versions(self) -> dict[str, str]:
        """Return what the server tells of its version."""
        return dict(self._versions)

    def close(self) -> None:
        """Close the connections; the server is not ours to end."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _client(self) -> HttpClient:
        if self._http is None:
            self._http = HttpClient(
                self.spec.name,
                self.spec.server.url or "",
                request_limit_s=self.spec.server.request_limit_s,
            )
        return self._http

    def _connect(self, url: str) -> None:
        """Find the name under which the server knows the model, and the server's version."""
        self._http = HttpClient(self.spec.name, url, request_limit_s=self.spec.server.request_limit_s)
        names = [str(model.get("id")) for model in self._http.get_json("/v1/models").get("data") or []]
        wanted = self.spec.server.model
        if wanted is None and len(names) != 1:
            raise YardstickError(f"{self.spec.name}: the server has {len(names)} models; name one of {names} as served")
        if wanted is not None and names and wanted not in names:
            raise YardstickError(f"{self.spec.name}: the server has no model {wanted!r}; it has {', '.join(names)}")
        self._model = wanted or names[0]
        self._versions = server_versions(self._http)

    def _found_dialect(self) -> Dialect:
        """Return how the running server is to be asked, found out by what it answers."""
        if "llama-server" in self._versions:
            return LLAMA_SERVER
        body = {"model": self._model, "prompt": "a", "max_tokens": 1, "temperature": 0}
        extra = {"ignore_eos": True, "min_tokens": 1}
        status = self._client().status_of("/v1/completions", body | extra)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise YardstickError(f"{self.spec.name}: {self._client().url} answers {status}; look at the server's log")
        return LENIENT if status < httpx.codes.BAD_REQUEST else STANDARD

    def _timed_prompt(self, prompt: str) -> str:
        return self._with_prefix(prompt) if self._dialect.reuses_prompts else prompt

    def _request(
        self, prompt: str, new_tokens: int, *, is_fixed: bool, is_chat: bool = False
    ) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": self._model, "max_tokens": new_tokens, "temperature": 0, "seed": 0}
        body |= self._dialect.every
        if is_fixed:
            body |= {key: new_tokens if key == "min_tokens" else True for key in self._dialect.fixed_length}
        if is_chat:
            return "/v1/chat/completions", body | {"messages": [{"role": "user", "content": prompt}]}
        return "/v1/completions", body | {"prompt": prompt}

    def _answer(self, prompt: str, max_new_tokens: int, stop: Sequence[str], *, is_chat: bool) -> Completion:
        path, body = self._request(prompt, max_new_tokens, is_fixed=False, is_chat=is_chat)
        if stop:
            body["stop"] = list(stop)[:_MOST_STOPS]
        return self._whole(self._completion(self._client().post(path, body), is_chat=is_chat), max_new_tokens)

    def _completion(self, found: dict[str, Any], *, is_chat: bool) -> Completion:
        choice = (found.get("choices") or [{}])[0]
        text = (choice.get("message") or {}).get("content") if is_chat else choice.get("text")
        prompt_tokens, output_tokens = self._counts(found.get("usage") or {})
        ids = tuple(choice.get("token_ids") or ())
        return Completion(text or "", output_tokens, prompt_tokens, _finish(choice.get("finish_reason")), ids)

    def _counts(self, usage: dict[str, Any]) -> tuple[int, int]:
        try:
            return int(usage["prompt_tokens"]), int(usage["completion_tokens"])
        except (KeyError, TypeError, ValueError):
            raise YardstickError(
                f"{self.spec.name}: the server does not say how many tokens there were (usage is missing); "
                "use a server that reports usage, in streams too"
            ) from None

    def _read(self, path: str, body: dict[str, Any]) -> _Stream:
        stream = _Stream()
        with self._client().lines(path, body) as lines:
            for time_s, event in self._events(lines):
                if event is None:
                    stream.is_done = True
                    break
                self._take(stream, event, time_s)
        # Some servers end a stream without [DONE]; a reason to finish tells a whole answer from a cut one.
        if not stream.is_done and stream.finish is None:
            raise YardstickError(f"{self.spec.name}: the server ended the stream early; look at its log")
        return stream

    def _events(self, lines: Iterator[str]) -> Iterator[tuple[float, dict[str, Any] | None]]:
        """Yield the server-sent events with their times; None is the end."""
        for line in lines:
            time_s = time.perf_counter()
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if data == "[DONE]":
                yield time_s, None
                return
            try:
                event = json.loads(data)
            except ValueError:
                event = None
            if not isinstance(event, dict) or "error" in event:
                raise YardstickError(f"{self.spec.name}: the server broke off: {said(data)}")
            yield time_s, event

    def _take(self, stream: _Stream, event: dict[str, Any], time_s: float) -> None:
        stream.usage = event.get("usage") or stream.usage
        stream.timings = event.get("timings") or stream.timings
        before, stream.counted = stream.counted, _counted(event) or stream.counted
        for choice in event.get("choices") or []:
            stream.finish = choice.get("finish_reason") or stream.finish
            ids = choice.get("token_ids")
            tokens = len(ids) if ids is not None else None
            # A first count at the end is that of the whole answer, not of its last chunk.
            if tokens is None and _counted(event) and None not in stream.tokens:
                tokens = stream.counted - before
            text = choice.get("text") or ""
            # A last chunk may bring nothing but the reason to finish.
            if tokens or text or (tokens is None and choice.get("finish_reason") is None):
                stream.texts.append(text)
                stream.times_s.append(time_s)
                stream.tokens.append(tokens)
                stream.ids.extend(ids or ())

    def _timed(self, stream: _Stream, start_s: float) -> TimedCompletion:
        prompt_tokens, output_tokens = self._counts(stream.usage)
        ids = tuple(stream.ids) if len(stream.ids) == output_tokens else ()
        completion = Completion("".join(stream.texts), output_tokens, prompt_tokens, _finish(stream.finish), ids)
        prefill_ms, decode_ms = stream.timings.get("prompt_ms"), stream.timings.get("predicted_ms")
        return TimedCompletion(
            completion,
            start_s,
            arrivals(stream.times_s, stream.tokens, output_tokens),
            None if prefill_ms is None else prefill_ms / 1000,
            None if decode_ms is None else decode_ms / 1000,
        )


def server_versions(client: HttpClient) -> dict[str, str]:
    """Return what a server says of its version: ``/version`` of vLLM and its kin, ``/props`` of llama-server."""
    if build := client.get_json("/props").get("build_info"):
        return {"llama-server": str(build)}
    version = client.get_json("/version").get("version")
    return {"server": str(version)} if version else {}


def _counted(event: dict[str, Any]) -> int:
    """Return the new tokens so far by an event's own count, 0 where it has none: vLLM's usage, llama-server's timings."""
    usage, timings = event.get("usage") or {}, event.get("timings") or {}
    return int(usage.get("completion_tokens") or timings.get("predicted_n") or 0)


def _finish(reason: str | None) -> Any:
    return "length" if reason == "length" else "stop"
