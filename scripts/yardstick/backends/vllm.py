"""Run models in vLLM: a server that the measurement starts with `vllm serve`, or one that runs already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from yardstick.backends.base import ReportedMemory
from yardstick.backends.managed_openai import ManagedOpenAIEngine
from yardstick.backends.openai_server import Dialect

_GIB = 1 << 30
_WEIGHTS = re.compile(r"[Mm]odel loading took ([0-9.]+) GiB")
_CACHE = re.compile(r"(?:Available KV cache memory|KV cache memory|CPU KV cache|KV cache size)\D{0,40}?([0-9.]+) GiB")


class VllmEngine(ManagedOpenAIEngine):
    """A model in vLLM."""

    _dialect = Dialect(
        every={"return_token_ids": True},
        # min_tokens would forbid the end of text at each step, which costs time and changes what comes behind it.
        fixed_length=("ignore_eos",),
        streaming=("continuous_usage_stats",),
        reuses_prompts=False,
    )

    def reported_memory(self) -> ReportedMemory:
        """Return what the server's log says that the weights take and that the cache reserves, in bytes."""
        log = self._log()
        return ReportedMemory(model_bytes=_last_gib(_WEIGHTS, log), reserved_bytes=_last_gib(_CACHE, log) or 0)

    def _command(self, model: Path, port: int) -> Sequence[str]:
        spec = self.spec
        remote_code = ["--trust-remote-code"] if spec.allow_remote_code else []
        weights = [] if spec.allow_pickle else ["--load-format", "safetensors"]
        return [
            *("serve", str(model), "--served-model-name", spec.name),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--dtype", spec.dtype or "auto", "--max-model-len", str(spec.context_length), "--seed", "0"),
            "--no-enable-prefix-caching",
            *weights,
            *remote_code,
        ]

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


def _last_gib(pattern: re.Pattern[str], log: str) -> int | None:
    found = pattern.findall(log)
    return round(float(found[-1]) * _GIB) if found else None
