"""Latency: single requests of a fixed number of new tokens, one after another, every token timed."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

from yardstick.backends.base import Engine, TimedCompletion
from yardstick.metrics.timing import Progress, counted, quiet_collector


def observe(
    engine: Engine,
    *,
    prompts: Sequence[str],
    max_new_tokens: int,
    warmups: int,
    requests: int,
    time_limit_s: float,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Return one row per request: time to first token, end-to-end time, inter-token gaps, all in seconds.

    Args:
        engine: a prepared engine; it is loaded here.
        prompts: texts given in turn.
        max_new_tokens: new tokens per request.
        warmups: requests thrown away at the start.
        requests: requests that count, fewer when ``time_limit_s`` is over before.
        time_limit_s: seconds after which no new request is begun.
        progress: told (done, total) between requests.
    """
    engine.load()
    for number in range(warmups):
        engine.stream(prompts[number % len(prompts)], max_new_tokens)
    rows: list[dict[str, Any]] = []
    with quiet_collector():
        for number in counted(requests, time_limit_s, progress):
            place = number % len(prompts)
            completion = engine.stream(prompts[place], max_new_tokens)
            rows.append({"request": number, "prompt": place, **_times(completion)})
    return rows


def _times(completion: TimedCompletion) -> dict[str, Any]:
    times = completion.token_times_s
    return {
        "prompt_tokens": completion.prompt_tokens,
        "output_tokens": len(completion.token_ids),
        "ttft_s": times[0] - completion.start_s,
        "e2e_s": times[-1] - completion.start_s,
        "itl_s": [after - before for before, after in itertools.pairwise(times)],
        "output_hash": hashlib.sha256(repr(completion.token_ids).encode()).hexdigest()[:16],
    }
