"""Throughput: output tokens over wall time of independent runs, each of which answers every prompt once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from yardstick.backends.base import Engine
from yardstick.metrics.observations import Observations, Progress
from yardstick.metrics.timing import Sampling, quiet_collector


def observe(
    engine: Engine,
    *,
    prompts: Sequence[str],
    max_new_tokens: int,
    warmups: int,
    relative_interval: float,
    least_runs: int,
    most_runs: int,
    least_s: float,
    most_s: float,
    progress: Progress,
) -> Observations:
    """Return one row per run: tokens in, tokens out, wall seconds.

    Args:
        engine: a prepared engine; it is loaded here.
        prompts: texts, each answered once in a run, one at a time.
        max_new_tokens: new tokens per prompt.
        warmups: runs thrown away at the start.
        relative_interval: see `Sampling`; of the tokens per second.
        least_runs: runs before precision can end the sampling.
        most_runs: runs after which it ends.
        least_s: seconds before precision can end it.
        most_s: seconds after which no new run is begun.
        progress: told (done, total) between runs.
    """
    engine.load()
    for _ in range(warmups):
        _run(engine, prompts, max_new_tokens)
    rows: list[dict[str, Any]] = []
    sampling = Sampling(
        relative_interval=relative_interval,
        least=least_runs,
        most=most_runs,
        least_s=least_s,
        most_s=most_s,
        progress=progress,
    )
    with quiet_collector():
        for number in sampling:
            rows.append({"run": number, **_run(engine, prompts, max_new_tokens)})
            sampling.note(rows[-1]["output_tokens"] / rows[-1]["wall_s"])
    return Observations(rows, sampling.document())


def _run(engine: Engine, prompts: Sequence[str], max_new_tokens: int) -> dict[str, Any]:
    start_s = time.perf_counter()
    completions = [engine.generate(prompt, max_new_tokens) for prompt in prompts]
    wall_s = time.perf_counter() - start_s
    return {
        "prompt_tokens": sum(completion.prompt_tokens for completion in completions),
        "output_tokens": sum(completion.output_tokens for completion in completions),
        "wall_s": wall_s,
    }
