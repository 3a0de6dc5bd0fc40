"""Concurrency: what several requests at the same moment gain in tokens per second and cost in latency, level by level."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

from yardstick.backends.base import Engine
from yardstick.metrics.observations import Observations, Progress
from yardstick.metrics.timing import quiet_collector, request_times


def observe(
    engine: Engine,
    *,
    prompts: Sequence[str],
    max_new_tokens: int,
    levels: Sequence[int],
    rounds: int,
    least_gain: float,
    most_s: float,
    progress: Progress,
) -> Observations:
    """Return one row per level: requests in flight, tokens, wall seconds, and each request's times in seconds.

    A round starts as many requests together as the level says and waits for all of them; in process they are one
    batch. Levels go up until one gains too little over the best before it, the engine takes no more, or time is over.

    Args:
        engine: a prepared engine; it is loaded here.
        prompts: texts given in turn.
        max_new_tokens: new tokens per request.
        levels: requests in flight, going up.
        rounds: rounds per level that count; one more before them warms up.
        least_gain: ratio of tokens per second to the best level so far below which no higher level is tried.
        most_s: seconds after which no new level is begun.
        progress: told (done, total) between levels.
    """
    engine.load()
    end_s = time.perf_counter() + most_s
    rows: list[dict[str, Any]] = []
    best = 0.0
    stopped_by = "count"
    with quiet_collector():
        for number, level in enumerate(_possible(levels, engine)):
            if number and time.perf_counter() >= end_s:
                stopped_by = "seconds"
                break
            rows.append(_level(engine, prompts, max_new_tokens, level, rounds))
            progress(number + 1, len(levels))
            rate = rows[-1]["output_tokens"] / rows[-1]["wall_s"]
            if rate < least_gain * best:
                stopped_by = "gain"
                break
            best = max(best, rate)
    return Observations(rows, {"stopped_by": stopped_by, "relative_interval": None})


def _possible(levels: Sequence[int], engine: Engine) -> list[int]:
    most = engine.most_in_flight
    return [level for level in levels if most is None or level <= most] or [1]


def _level(engine: Engine, prompts: Sequence[str], max_new_tokens: int, in_flight: int, rounds: int) -> dict[str, Any]:
    endless = itertools.cycle(prompts)
    engine.stream_together(list(itertools.islice(endless, in_flight)), max_new_tokens)
    times: list[dict[str, Any]] = []
    wall_s = 0.0
    for _ in range(rounds):
        asked = list(itertools.islice(endless, in_flight))
        start_s = time.perf_counter()
        done = engine.stream_together(asked, max_new_tokens)
        wall_s += time.perf_counter() - start_s
        times.extend(request_times(timed) for timed in done)
    return {
        "in_flight": in_flight,
        "requests": len(times),
        "prompt_tokens": sum(request["prompt_tokens"] for request in times),
        "output_tokens": sum(request["output_tokens"] for request in times),
        "wall_s": wall_s,
        "ttft_s": [request["ttft_s"] for request in times],
        "e2e_s": [request["e2e_s"] for request in times],
    }
