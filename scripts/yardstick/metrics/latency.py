"""Latency: single requests of a fixed number of new tokens, one after another, every token timed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from yardstick.backends.base import Engine, TimedCompletion
from yardstick.metrics.observations import Observations, Progress
from yardstick.metrics.timing import Sampling, quiet_collector, request_times


def observe(
    engine: Engine,
    *,
    prompts: Sequence[str],
    max_new_tokens: int,
    warmups: int,
    relative_interval: float,
    least_requests: int,
    most_requests: int,
    least_s: float,
    most_s: float,
    progress: Progress,
) -> Observations:
    """Return one row per request: time to first token, end-to-end time, inter-token gaps, all in seconds.

    Args:
        engine: a prepared engine; it is loaded here.
        prompts: texts given in turn.
        max_new_tokens: new tokens per request.
        warmups: requests thrown away at the start.
        relative_interval: see `Sampling`; of the end-to-end time.
        least_requests: requests before precision can end the sampling.
        most_requests: requests after which it ends.
        least_s: seconds before precision can end it.
        most_s: seconds after which no new request is begun.
        progress: told (done, total) between requests.
    """
    engine.load()
    for number in range(warmups):
        engine.stream(prompts[number % len(prompts)], max_new_tokens)
    rows: list[dict[str, Any]] = []
    sampling = Sampling(
        relative_interval=relative_interval,
        least=least_requests,
        most=most_requests,
        least_s=least_s,
        most_s=most_s,
        progress=progress,
    )
    with quiet_collector():
        for number in sampling:
            place = number % len(prompts)
            timed = engine.stream(prompts[place], max_new_tokens)
            rows.append({"request": number, "prompt": place, **request_times(timed), **_details(engine, timed)})
            sampling.note(rows[-1]["e2e_s"])
    return Observations(rows, sampling.document())


def _details(engine: Engine, timed: TimedCompletion) -> dict[str, Any]:
    return {
        "output_hash": "" if engine.changes_prompts else _output_hash(timed),
        "engine_prefill_s": timed.engine_prefill_s,
        "engine_decode_s": timed.engine_decode_s,
    }


def _output_hash(timed: TimedCompletion) -> str:
    output = repr(timed.completion.token_ids or timed.completion.text)
    return hashlib.sha256(output.encode()).hexdigest()[:16]
