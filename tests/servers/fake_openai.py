"""What the fakes with OpenAI's completions API share: requests, chunks as server-sent events, usage, the end mark."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from servers.fake_server import Exchange, FakeServer
from servers.schedule import Chunk, Plan

_CREATED = 1767225600
_SSE = "text/event-stream; charset=utf-8"


class FakeOpenAI(FakeServer):
    """A plain server with OpenAI's API. It refuses no key and honours none beyond the standard.

    Attributes:
        pings: whether a comment is sent before every chunk, as servers do to keep a connection alive.
    """

    kind = "openai"
    version = "1.0.0"
    owner: ClassVar[str] = "fake"
    # Keys that are honoured beyond the standard.
    honours: ClassVar[frozenset[str]] = frozenset()
    ping: ClassVar[bytes] = b": ping\n\n"

    def __init__(self, *, pings: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.pings = pings

    def routes(self) -> dict[tuple[str, str], Callable[[Exchange], None]]:
        return {
            ("GET", "/v1/models"): self._models,
            ("POST", "/v1/completions"): self._complete,
            ("POST", "/v1/chat/completions"): self._complete,
        }

    def error_body(self, status: int, message: str, parameter: str | None = None) -> Any:
        return {"error": {"message": message, "type": _error_type(status), "param": parameter, "code": status}}

    def error_event(self, message: str) -> bytes | None:
        return event_of(self.error_body(500, message))

    def model_card(self) -> dict[str, Any]:
        """Return what ``/v1/models`` says of the model."""
        return {"id": self.model, "object": "model", "created": _CREATED, "owned_by": self.owner}

    def refusal(self, body: dict[str, Any], *, is_chat: bool) -> tuple[int, Any] | None:
        """Return the status and the JSON with which a request is refused, None if it is fine."""
        if body.get("model") != self.model:
            return 404, self.error_body(404, f"The model `{body.get('model')}` does not exist.", "model")
        return None

    def limit(self, body: dict[str, Any], prompt_tokens: int) -> int:
        """Return how many tokens an answer may have."""
        return int(body.get("max_tokens") or 16)

    def caches(self, body: dict[str, Any]) -> bool:
        """Tell whether a request uses the cache of prompts."""
        return self.reuses_prompts

    def usage(self, plan: Plan) -> dict[str, Any]:
        """Return the token counts of a whole answer."""
        return _counts(len(plan.prompt), len(plan.ids))

    def extras(self, plan: Plan) -> dict[str, Any]:
        """Return further keys of a whole answer and of a stream's last event."""
        return {}

    def choice(self, body: dict[str, Any], plan: Plan, ids: tuple[int, ...], *, is_first: bool) -> dict[str, Any]:
        """Return further keys of a choice."""
        return {}

    def skips(self, chunk: Chunk) -> bool:
        """Tell whether a chunk is not sent at all."""
        return False

    def ending(self, body: dict[str, Any], plan: Plan, *, is_chat: bool) -> list[dict[str, Any]]:
        """Return the events after the last token."""
        if not (body.get("stream_options") or {}).get("include_usage"):
            return []
        return [{**self._head(is_chat=is_chat, streams=True), "choices": [], "usage": self.usage(plan)}]

    def marks_finish(self) -> bool:
        """Tell whether the chunk with the last token has the reason to finish."""
        return True

    def done(self, plan: Plan) -> None:
        """Take note of a finished answer."""

    def _models(self, exchange: Exchange) -> None:
        exchange.answer({"object": "list", "data": [self.model_card()]})

    def _complete(self, exchange: Exchange) -> None:
        body, is_chat = exchange.seen.body, exchange.seen.path.endswith("chat/completions")
        if not isinstance(body, dict):
            exchange.answer(self.error_body(400, "JSON decode error"), 400)
            return
        if refusal := self.refusal(body, is_chat=is_chat):
            status, content = refusal
            exchange.answer(content, status)
            return
        plan = self._planned(body, is_chat=is_chat)
        if body.get("stream"):
            self._stream(exchange, plan, is_chat=is_chat)
        else:
            self._whole(exchange, plan, is_chat=is_chat)
        self.done(plan)

    def prompt_ids(self, body: dict[str, Any], *, is_chat: bool) -> list[int]:
        """Return the ids of a request's prompt."""
        if is_chat:
            text = " ".join(str(message["content"]) for message in body["messages"])
            return self.scripted.tokenize(f"<user> {text} <assistant>")
        prompt = body["prompt"]
        return self.scripted.tokenize(prompt) if isinstance(prompt, str) else list(prompt)

    def _planned(self, body: dict[str, Any], *, is_chat: bool) -> Plan:
        honoured = {key: body[key] for key in self.honours if body.get(key)}
        prompt = self.prompt_ids(body, is_chat=is_chat)
        return self.plan(
            prompt,
            self.limit(body, len(prompt)),
            can_end=not honoured.get("ignore_eos"),
            least=int(honoured.get("min_tokens", 0)),
            caches=self.caches(body),
        )

    def _head(self, *, is_chat: bool, streams: bool) -> dict[str, Any]:
        kind = ("chat.completion.chunk" if streams else "chat.completion") if is_chat else "text_completion"
        prefix = "chatcmpl" if is_chat else "cmpl"
        return {"id": f"{prefix}-fake", "object": kind, "created": _CREATED, "model": self.model}

    def _role(self) -> bytes:
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        return event_of({**self._head(is_chat=True, streams=True), "choices": [choice]})

    def _whole(self, exchange: Exchange, plan: Plan, *, is_chat: bool) -> None:
        self.sit_out(exchange, plan)
        if exchange.has_fault("error"):
            exchange.answer(self.error_body(500, exchange.fault.message if exchange.fault else ""), 500)
            return
        said = {"message": {"role": "assistant", "content": plan.text}} if is_chat else {"text": plan.text}
        further = self.choice(exchange.seen.body, plan, tuple(plan.ids), is_first=True)
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": _reason(plan), **further}
        usage = {} if exchange.has_fault("no_usage") else {"usage": self.usage(plan)}
        head = self._head(is_chat=is_chat, streams=False)
        exchange.answer({**head, "choices": [choice], **usage, **self.extras(plan)})

    def _stream(self, exchange: Exchange, plan: Plan, *, is_chat: bool) -> None:
        body, told = exchange.seen.body, 0
        tells_all = (body.get("stream_options") or {}).get("continuous_usage_stats")

        def event(chunk: Chunk, is_last: bool) -> bytes:
            nonlocal told
            is_first, told = told == 0, told + len(chunk.ids)
            if self.skips(chunk):
                return b""
            said: dict[str, Any] = {"delta": {"content": chunk.text}} if is_chat else {"text": chunk.text}
            reason = _reason(plan) if is_last and self.marks_finish() else None
            further = self.choice(body, plan, chunk.ids, is_first=is_first)
            choice = {"index": 0, **said, "logprobs": None, "finish_reason": reason, **further}
            usage = _counts(len(plan.prompt), told) if tells_all and not exchange.has_fault("no_usage") else None
            content = {**self._head(is_chat=is_chat, streams=True), "choices": [choice]}
            before = (self.ping if self.pings else b"") + (self._role() if is_chat and is_first else b"")
            return before + event_of({**content, **({"usage": usage} if usage else {})})

        if not self.play(exchange, plan, _SSE, event):
            return
        for last in self.ending(body, plan, is_chat=is_chat):
            if exchange.has_fault("no_usage"):
                last.pop("usage", None)
            exchange.send(event_of(last))
        if not exchange.has_fault("no_done"):
            exchange.send(b"data: [DONE]\n\n")
        exchange.end()


def event_of(content: Any) -> bytes:
    """Return one server-sent event."""
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def _reason(plan: Plan) -> str:
    return "length" if plan.is_cut else "stop"


def _counts(prompt: int, completion: int) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "total_tokens": prompt + completion, "completion_tokens": completion}


def _error_type(status: int) -> str:
    return {400: "BadRequestError", 404: "NotFoundError", 503: "ServiceUnavailableError"}.get(
        status, "InternalServerError"
    )
