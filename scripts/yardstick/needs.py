"""What a job asks of a cluster: memory, time and GPUs of a model, from the registry and the settings."""

from __future__ import annotations

import math

from yardstick.config import Config
from yardstick.registry import ModelEntry


def memory_mb(entry: ModelEntry, config: Config, attempt: int) -> int:
    """Return the memory of a job in SLURM's MB (2**20 bytes); each attempt gets as much more as the first had."""
    return attempt * (math.ceil(entry.memory_mb * 1e6 / 2**20) + config.cluster.memory_mb)


def minutes(entry: ModelEntry, config: Config, attempt: int) -> int:
    """Return the time limit of a job; a server that is started may take all its time for that."""
    start_s = 0.0
    if entry.backend in ("vllm", "trtllm") and not entry.server.url:
        start_s = getattr(config.engines, entry.backend).start_limit_s
    return attempt * (config.cluster.minutes + math.ceil(start_s / 60))


def gpus(entry: ModelEntry) -> int:
    """Return the number of GPUs of a job."""
    if entry.gpus is not None:
        return entry.gpus
    return int(entry.device == "cuda" and not entry.server.url)
