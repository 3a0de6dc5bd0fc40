"""A fake vLLM server.

Sources: github.com/vllm-project/vllm, vllm/entrypoints/openai/completion/{protocol,serving}.py, docs/design/metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from servers.fake_openai import FakeOpenAI
from servers.fake_server import Exchange
from servers.schedule import Plan

_BLOCK = 16
_BLOCKS = 1024


class FakeVllm(FakeOpenAI):
    """vLLM: unknown keys are ignored, lengths are honoured, token ids are told on demand.

    Attributes:
        prompt_tokens: tokens of all prompts so far.
        generation_tokens: tokens of all answers so far.
        cache_hits: tokens of prompts that came from the cache so far.
        cache_bytes: size of the cache where it was given, as on CPUs; None where it follows from the free memory.
    """

    kind = "vllm"
    version = "0.32.0"
    owner = "vllm"
    honours = frozenset({"ignore_eos", "min_tokens"})

    def __init__(self, *, cache_bytes: int | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.cache_bytes = cache_bytes
        self.prompt_tokens = self.generation_tokens = self.cache_hits = 0

    def routes(self) -> dict[tuple[str, str], Callable[[Exchange], None]]:
        return {
            **super().routes(),
            ("GET", "/health"): lambda exchange: exchange.answer("", content_type="text/plain"),
            ("GET", "/version"): lambda exchange: exchange.answer({"version": self.version}),
            ("GET", "/metrics"): lambda exchange: exchange.answer(self._metrics(), content_type="text/plain"),
            ("POST", "/tokenize"): self._tokenize,
        }

    def model_card(self) -> dict[str, Any]:
        further: dict[str, Any] = {
            "root": self.model,
            "parent": None,
            "max_model_len": self.context_length,
            "permission": [],
        }
        return {**super().model_card(), **further}

    def refusal(self, body: dict[str, Any], *, is_chat: bool) -> tuple[int, Any] | None:
        if body.get("model") != self.model:
            reason = f"The model `{body.get('model')}` does not exist. Valid aliases: {self.model}."
            return 404, self.error_body(404, reason, "model")
        if found := self._invalid(body, is_chat=is_chat):
            reason, parameter = found
            return 400, self.error_body(400, reason, parameter)
        return None

    def _invalid(self, body: dict[str, Any], *, is_chat: bool) -> tuple[str, str | None] | None:
        if body.get("stream_options") and not body.get("stream"):
            reason = "Stream options can only be defined when `stream=True`. (parameter=stream_options)"
            return reason, "stream_options"
        if not is_chat and not body.get("prompt"):
            return "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)", "prompt"
        most, least, limit = body.get("max_tokens", 16), body.get("min_tokens", 0), self.context_length
        if least > most:
            return f"min_tokens must be less than or equal to max_tokens={most}, got {least}.", None
        if most > limit:
            reason = f"max_tokens={most} cannot be greater than max_model_len={limit}. Please request fewer output "
            return reason + f"tokens. (parameter=max_tokens, value={most})", "max_tokens"
        length = len(self.prompt_ids(body, is_chat=is_chat))
        if length + most > limit:
            reason = (
                f"This model's maximum context length is {limit} tokens. However, you requested {most} output tokens and "
                f"your prompt contains at least {length} input tokens, for a total of at least {length + most} tokens. "
                "Please reduce the length of the input prompt or the number of requested output tokens. "
            )
            return reason + f"(parameter=input_tokens, value={length})", "input_tokens"
        return None

    def choice(self, body: dict[str, Any], plan: Plan, ids: tuple[int, ...], *, is_first: bool) -> dict[str, Any]:
        if not body.get("return_token_ids"):
            return {"stop_reason": None, "prompt_token_ids": None, "token_ids": None}
        prompt = list(plan.prompt) if is_first else None
        return {"stop_reason": None, "prompt_token_ids": prompt, "token_ids": list(ids)}

    def done(self, plan: Plan) -> None:
        self.prompt_tokens += len(plan.prompt)
        self.generation_tokens += len(plan.ids)
        self.cache_hits += plan.cached

    def _tokenize(self, exchange: Exchange) -> None:
        body = exchange.seen.body or {}
        if "prompt" not in body:
            exchange.answer(self.error_body(400, "Field required", "body.prompt"), 400)
            return
        if body.get("model") not in (None, self.model):
            exchange.answer(self.error_body(404, f"The model `{body['model']}` does not exist.", "model"), 404)
            return
        tokens = self.scripted.tokenize(body["prompt"])
        counts = {"count": len(tokens), "max_model_len": self.context_length}
        exchange.answer({**counts, "tokens": tokens, "token_strs": None})

    def _metrics(self) -> str:
        caching = "True" if self.reuses_prompts else "False"
        configuration = (
            f'block_size="{_BLOCK}",cache_dtype="auto",enable_prefix_caching="{caching}",engine="0",'
            f'gpu_memory_utilization="0.92",kv_cache_memory_bytes="{self.cache_bytes}",num_gpu_blocks="{_BLOCKS}"'
        )
        labels = f'{{engine="0",model_name="{self.model}"}}'
        return "\n".join(
            [
                "# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig",
                "# TYPE vllm:cache_config_info gauge",
                f"vllm:cache_config_info{{{configuration}}} 1.0",
                f"vllm:num_requests_running{labels} 0.0",
                f"vllm:kv_cache_usage_perc{labels} 0.0",
                f"vllm:prefix_cache_queries_total{labels} {self.prompt_tokens:.1f}",
                f"vllm:prefix_cache_hits_total{labels} {self.cache_hits:.1f}",
                f"vllm:prompt_tokens_total{labels} {self.prompt_tokens:.1f}",
                f"vllm:generation_tokens_total{labels} {self.generation_tokens:.1f}",
                "",
            ]
        )
