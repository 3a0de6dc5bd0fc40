"""Run models in TensorRT-LLM: a server that the measurement starts with `trtllm-serve`, or one that runs already."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from yardstick.backends.base import ReportedMemory
from yardstick.backends.managed_openai import ManagedOpenAIEngine
from yardstick.backends.openai_server import Dialect

# JSON is YAML. Statistics of iterations are off unless asked for; a reused block would make a prompt free.
_SETTINGS = {"kv_cache_config": {"enable_block_reuse": False}, "enable_iter_perf_stats": True}


class TrtllmEngine(ManagedOpenAIEngine):
    """A model in TensorRT-LLM, which refuses any key of a request that it does not know."""

    _dialect = Dialect(
        fixed_length=("ignore_eos", "min_tokens"), streaming=("continuous_usage_stats",), reuses_prompts=False
    )
    _settings: Path | None = None

    def reported_memory(self) -> ReportedMemory:
        """Return the memory of the accelerator that the server says it holds: most of it is reserved for the cache."""
        found = self._client().get("/metrics")
        try:
            statistics = json.loads(found.content)
            held = int(statistics[-1]["gpuMemUsage"])
        except (ValueError, LookupError, TypeError):
            return ReportedMemory()
        return ReportedMemory(reserved_bytes=held)

    def close(self) -> None:
        """End the server if it is ours, and remove its settings."""
        super().close()
        if self._settings is not None:
            self._settings.unlink(missing_ok=True)
            self._settings = None

    def _command(self, model: Path, port: int) -> Sequence[str]:
        with tempfile.NamedTemporaryFile("w", suffix=".yml", prefix="yardstick-trtllm-", delete=False) as file:
            json.dump(_SETTINGS, file)
        self._settings = Path(file.name)
        remote_code = ["--trust_remote_code"] if self.spec.allow_remote_code else []
        return [
            *("serve", str(model), "--host", "127.0.0.1", "--port", str(port)),
            *("--max_seq_len", str(self.spec.context_length), "--config", file.name),
            *remote_code,
        ]
