"""A fake llama-server (llama.cpp).

Sources: github.com/ggml-org/llama.cpp, tools/server/README.md, server-task.cpp, server-context.cpp, server-http.cpp.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from servers.fake_openai import FakeOpenAI
from servers.fake_server import Exchange
from servers.schedule import Chunk, Plan

_KINDS = {400: "invalid_request_error", 404: "not_found_error", 501: "not_supported_error", 503: "unavailable_error"}


class FakeLlamaServer(FakeOpenAI):
    """llama-server: the name of the model is not looked at, ``min_tokens`` is ignored, ``timings`` are told.

    Attributes:
        has_metrics: whether it was started with ``--metrics``.
    """

    kind = "llama_server"
    version = "b6500-0123abcd"
    owner = "llamacpp"
    honours = frozenset({"ignore_eos"})
    ping = b":\n\n"

    def __init__(self, *, has_metrics: bool = False, **settings: Any) -> None:
        super().__init__(**{"reuses_prompts": True, **settings})
        self.has_metrics = has_metrics
        self.predicted_tokens = 0

    def routes(self) -> dict[tuple[str, str], Callable[[Exchange], None]]:
        return {
            **super().routes(),
            ("GET", "/health"): lambda exchange: exchange.answer({"status": "ok"}),
            ("GET", "/props"): self._props,
            ("GET", "/metrics"): self._metrics,
            ("POST", "/tokenize"): self._tokenize,
        }

    def error_body(self, status: int, message: str, parameter: str | None = None) -> Any:
        return {"error": {"code": status, "message": message, "type": _KINDS.get(status, "server_error")}}

    def not_found(self, exchange: Exchange) -> None:
        exchange.answer(self.error_body(404, "File Not Found"), 404)

    def model_card(self) -> dict[str, Any]:
        meta = {"n_vocab": 1000, "n_ctx_train": self.context_length, "n_params": 557_696, "size": 2_230_784}
        return {**super().model_card(), "meta": meta}

    def refusal(self, body: dict[str, Any], *, is_chat: bool) -> tuple[int, Any] | None:
        length = len(self.prompt_ids(body, is_chat=is_chat))
        if length < self.context_length:
            return None
        reason = f"request ({length} tokens) exceeds the available context size ({self.context_length} tokens), try "
        found = self.error_body(400, reason + "increasing it")
        found["error"] |= {"type": "exceed_context_size_error", "n_prompt_tokens": length, "n_ctx": self.context_length}
        return 400, found

    def limit(self, body: dict[str, Any], prompt_tokens: int) -> int:
        # Without a limit, and beyond the context, it goes on until the context is full.
        room = self.context_length - prompt_tokens
        asked = body.get("max_tokens", -1)
        return room if asked < 0 else min(asked, room)

    def caches(self, body: dict[str, Any]) -> bool:
        return self.reuses_prompts and body.get("cache_prompt", True)

    def usage(self, plan: Plan) -> dict[str, Any]:
        return {**super().usage(plan), "prompt_tokens_details": {"cached_tokens": plan.cached}}

    def extras(self, plan: Plan) -> dict[str, Any]:
        new, prompt_ms, predicted_ms = len(plan.prompt) - plan.cached, plan.prefill_s * 1000, plan.decode_s * 1000
        return {
            "timings": {
                "cache_n": plan.cached,
                "prompt_n": new,
                "prompt_ms": prompt_ms,
                "prompt_per_token_ms": prompt_ms / max(1, new),
                "prompt_per_second": 1000 * new / prompt_ms if prompt_ms else 0.0,
                "predicted_n": len(plan.ids),
                "predicted_ms": predicted_ms,
                "predicted_per_token_ms": predicted_ms / max(1, len(plan.ids)),
                "predicted_per_second": 1000 * len(plan.ids) / predicted_ms if predicted_ms else 0.0,
            }
        }

    def skips(self, chunk: Chunk) -> bool:
        # Nothing is sent while a character is incomplete; the end of text is sent as an empty one.
        return chunk.is_withheld

    def marks_finish(self) -> bool:
        return False

    def ending(self, body: dict[str, Any], plan: Plan, *, is_chat: bool) -> list[dict[str, Any]]:
        """Return the last event: of completions it has a choice and the usage at once, asked for or not."""
        reason = "length" if plan.is_cut else "stop"
        head = self._head(is_chat=is_chat, streams=True)
        if not is_chat:
            choice = {"text": "", "index": 0, "logprobs": None, "finish_reason": reason}
            return [{**head, "choices": [choice], "usage": self.usage(plan), **self.extras(plan)}]
        last = {**head, "choices": [{"finish_reason": reason, "index": 0, "delta": {}}]}
        usage = super().ending(body, plan, is_chat=True)
        return [last, {**usage[0], **self.extras(plan)}] if usage else [{**last, **self.extras(plan)}]

    def done(self, plan: Plan) -> None:
        self.predicted_tokens += len(plan.ids)

    def _props(self, exchange: Exchange) -> None:
        exchange.answer(
            {
                "default_generation_settings": {"n_ctx": self.context_length, "params": {"n_predict": -1}},
                "total_slots": 1,
                "model_alias": self.model,
                "model_path": f"/models/{self.model}.gguf",
                "build_info": self.version,
            }
        )

    def _metrics(self, exchange: Exchange) -> None:
        if not self.has_metrics:
            reason = "This server does not support metrics endpoint. Start it with `--metrics`"
            exchange.answer(self.error_body(501, reason), 501)
            return
        exchange.answer(f"llamacpp:tokens_predicted_total {self.predicted_tokens}\n", content_type="text/plain")

    def _tokenize(self, exchange: Exchange) -> None:
        # Without content it answers an empty list, whatever else is asked.
        exchange.answer({"tokens": self.scripted.tokenize((exchange.seen.body or {}).get("content", ""))})
