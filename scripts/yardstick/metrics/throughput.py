"""Throughput: output tokens over wall time of independent runs, each of which answers every prompt once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from yardstick.backends.base import Engine
from yardstick.metrics.timing import Progress, counted, quiet_collector


def observe(
    engine: Engine,
    *,
    prompts: Sequence[str],
    max_new_tokens: int,
    warmups: int,
    runs: int,
    time_limit_s: float,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Return one row per run: tokens in, tokens out, wall seconds.

    Args:
        engine: a prepared engine; it is loaded here.
        prompts: texts, each answered once in a run, one at a time.
        max_new_tokens: new tokens per prompt.
        warmups: runs thrown away at the start.
        runs: runs that count, fewer when ``time_limit_s`` is over before.
        time_limit_s: seconds after which no new run is begun.
        progress: told (done, total) between runs.
    """
    engine.load()
    for _ in range(warmups):
        _run(engine, prompts, max_new_tokens)
    with quiet_collector():
        return [
            {"run": number, **_run(engine, prompts, max_new_tokens)} for number in counted(runs, time_limit_s, progress)
        ]


def _run(engine: Engine, prompts: Sequence[str], max_new_tokens: int) -> dict[str, Any]:
    start_s = time.perf_counter()
    completions = [engine.generate(prompt, max_new_tokens) for prompt in prompts]
    wall_s = time.perf_counter() - start_s
    return {
        "prompt_tokens": sum(completion.prompt_tokens for completion in completions),
        "output_tokens": sum(len(completion.token_ids) for completion in completions),
        "wall_s": wall_s,
    }
