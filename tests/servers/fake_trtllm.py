"""A fake trtllm-serve.

Sources: github.com/NVIDIA/TensorRT-LLM, tensorrt_llm/serve/{openai_protocol,openai_server,postprocess_handlers}.py,
tests/unittest/llmapi/apps/_test_openai_metrics.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from servers.fake_openai import FakeOpenAI
from servers.fake_server import Exchange
from servers.schedule import Plan

_COMMON = (
    {"model", "max_tokens", "temperature", "seed", "stop", "stream", "stream_options", "top_k", "top_p", "min_p", "n"}
    | {"ignore_eos", "min_tokens", "repetition_penalty", "presence_penalty", "frequency_penalty", "stop_token_ids"}
    | {"add_special_tokens", "skip_special_tokens", "logprobs", "user", "priority", "response_format", "best_of"}
    | {"length_penalty", "logit_bias", "truncate_prompt_tokens"}
)
# What each path knows; anything else is refused (ConfigDict(extra="forbid")).
KNOWN = {
    False: _COMMON | {"prompt", "echo", "suffix", "detokenize"},
    True: _COMMON
    | {"messages", "max_completion_tokens", "chat_template_kwargs", "add_generation_prompt", "tools", "tool_choice"},
}


class FakeTrtllm(FakeOpenAI):
    """TensorRT-LLM: unknown keys are refused, the name of the model is not looked at.

    Attributes:
        has_statistics: whether it was started with ``enable_iter_perf_stats``.
        has_prometheus: whether it was started with ``return_perf_metrics``.
        memory_bytes: what it says that it holds on the accelerator.
    """

    kind = "trtllm"
    version = "1.2.0"
    owner = "tensorrt_llm"
    honours = frozenset({"ignore_eos", "min_tokens"})

    def __init__(
        self,
        *,
        has_statistics: bool = True,
        has_prometheus: bool = False,
        memory_bytes: int = 76_000_000_000,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.has_statistics = has_statistics
        self.has_prometheus = has_prometheus
        self.memory_bytes = memory_bytes
        self._iterations = 0
        self._statistics: list[dict[str, Any]] = []

    def routes(self) -> dict[tuple[str, str], Callable[[Exchange], None]]:
        found = {
            **super().routes(),
            ("GET", "/health"): lambda exchange: exchange.answer("", content_type="text/plain"),
            ("GET", "/version"): lambda exchange: exchange.answer({"version": self.version}),
            ("GET", "/metrics"): self._drain,
        }
        if self.has_prometheus:
            text = f'trtllm_kv_cache_hit_rate{{engine_type="undefined",model_name="{self.model}"}} 0.0\n'
            found["GET", "/prometheus/metrics"] = lambda exchange: exchange.answer(text, content_type="text/plain")
        return found

    def error_body(self, status: int, message: str, parameter: str | None = None) -> Any:
        """Return an error as the handlers tell it; those of validation are another shape, see `refusal`."""
        kind = "BadRequestError" if status == 400 else "InternalServerError"
        return {"object": "error", "message": message, "type": kind, "param": None, "code": status}

    def error_event(self, message: str) -> bytes | None:
        # The generator raises, so the connection breaks off.
        return None

    def refusal(self, body: dict[str, Any], *, is_chat: bool) -> tuple[int, Any] | None:
        invalid = [
            {
                "type": "extra_forbidden",
                "loc": ("body", key),
                "msg": "Extra inputs are not permitted",
                "input": body[key],
            }
            for key in body
            if key not in KNOWN[is_chat]
        ]
        if "model" not in body:
            invalid.append({"type": "missing", "loc": ("body", "model"), "msg": "Field required", "input": body})
        if body.get("stream_options") and not body.get("stream"):
            reason = "Value error, Stream options can only be defined when stream is true."
            invalid.append({"type": "value_error", "loc": ("body",), "msg": reason, "input": body})
        if invalid:
            return 400, {"error": str(invalid)}
        length, most = len(self.prompt_ids(body, is_chat=is_chat)), self.limit(body, 0)
        if length + most > self.context_length:
            total = f"The sum of prompt length ({length}) and max_tokens ({most})"
            return 400, self.error_body(400, f"{total} should not exceed max_num_tokens ({self.context_length})")
        return None

    def choice(self, body: dict[str, Any], plan: Plan, ids: tuple[int, ...], *, is_first: bool) -> dict[str, Any]:
        return {"token_ids": None, "stop_reason": None, "avg_decoded_tokens_per_iter": 1.0}

    def ending(self, body: dict[str, Any], plan: Plan, *, is_chat: bool) -> list[dict[str, Any]]:
        # StreamOptions.include_usage is true unless said otherwise.
        options = body.get("stream_options")
        told = {**body, "stream_options": {"include_usage": True, **options}} if options else body
        return super().ending(told, plan, is_chat=is_chat)

    def done(self, plan: Plan) -> None:
        self._iterations += 1
        if self.has_statistics:
            self._statistics.append(self._iteration())

    def _drain(self, exchange: Exchange) -> None:
        statistics, self._statistics = self._statistics, []
        exchange.answer(statistics)

    def _iteration(self) -> dict[str, Any]:
        blocks = {"maxNumBlocks": 1000, "usedNumBlocks": 1, "freeNumBlocks": 999, "tokensPerBlock": 32}
        return {
            "cpuMemUsage": 0,
            "gpuMemUsage": self.memory_bytes,
            "iter": self._iterations,
            "iterLatencyMS": 1.0,
            "numActiveRequests": 0,
            "inflightBatchingStats": {"numContextRequests": 0, "numGenRequests": 1, "numScheduledRequests": 1},
            "kvCacheStats": {**blocks, "allocNewBlocks": 1, "allocTotalBlocks": 1, "cacheHitRate": 0.0},
        }
