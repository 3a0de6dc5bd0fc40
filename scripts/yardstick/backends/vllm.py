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
# What was asked for, as the server's metrics say it; nothing is said there of what it chose itself.
_ASKED_CACHE = re.compile(r'^vllm:cache_config_info\{.*\bkv_cache_memory_bytes="([0-9]+)"', re.MULTILINE)
# The first on a GPU, the others on a processor.
_CHOSEN_CACHE = re.compile(r"(?:Available KV cache memory: |(?:Auto|Explicitly) set \()([0-9.]+)(?:/[0-9.]+\))? GiB")
# By default vLLM pins its threads and keeps a second process busy, which starves the one that answers (docs).
_CPU_ENVIRONMENT = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}


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
        """Return what the server says that the weights take and that its cache reserves, in bytes."""
        asked = _ASKED_CACHE.search(self._client().get("/metrics").text)
        log = self._log()
        reserved = int(asked[1]) if asked else _last_gib(_CHOSEN_CACHE, log)
        return ReportedMemory(model_bytes=_last_gib(_WEIGHTS, log), reserved_bytes=reserved or 0)

    def _command(self, model: Path, port: int) -> Sequence[str]:
        spec = self.spec
        remote_code = ["--trust-remote-code"] if spec.allow_remote_code else []
        weights = [] if spec.allow_pickle else ["--load-format", "safetensors"]
        executor = ["--distributed-executor-backend", "uni"] if spec.device == "cpu" else []
        return [
            *("serve", str(model), "--served-model-name", spec.name),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--dtype", spec.dtype or "auto", "--max-model-len", str(spec.context_length), "--seed", "0"),
            "--no-enable-prefix-caching",
            *weights,
            *remote_code,
            *executor,
        ]

    def _environment(self) -> dict[str, str]:
        processor = _CPU_ENVIRONMENT if self.spec.device == "cpu" else {}
        return {**super()._environment(), "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", **processor}


def _last_gib(pattern: re.Pattern[str], log: str) -> int | None:
    found = pattern.findall(log)
    return round(float(found[-1]) * _GIB) if found else None
