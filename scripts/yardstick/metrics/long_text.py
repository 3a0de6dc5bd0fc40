"""Long text: what prompts of growing length cost in time and memory, and whether a long answer slows down."""

from __future__ import annotations

import itertools
import math
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from yardstick.backends.base import Engine
from yardstick.errors import YardstickError
from yardstick.metrics.memory_sampler import trees_rss_bytes
from yardstick.metrics.memory_watcher import MemoryWatcher, watching
from yardstick.metrics.observations import Observations, Progress
from yardstick.metrics.timing import quiet_collector, request_times

_SAMPLE_INTERVAL_MS = 10
# Room for the prefix of an engine that makes each prompt its own.
_PREFIX_TOKENS = 64
# Where tokens cannot be counted beforehand they are guessed from letters, a little too many.
_GUESS_MARGIN = 1.05


def observe(
    engine: Engine,
    *,
    prompts: Sequence[str],
    lengths: Sequence[int],
    new_tokens: int,
    requests: int,
    generated_tokens: int,
    generations: int,
    most_s: float,
    progress: Progress,
) -> Observations:
    """Return one row per length of the prompt, and one for long answers; times in seconds.

    Lengths go up to the model's context. At each, one request warms up while memory is watched from outside, and the
    others are timed with nobody watching. A length is not begun when its requests would, going by the one before, end
    after the time limit; the first is always measured.

    Args:
        engine: a prepared engine; it is loaded here.
        prompts: texts that the long prompts are made of, repeated; the first is what the long answers go on from.
        lengths: tokens of the prompts, going up; the last that the context holds is cut to it.
        new_tokens: new tokens per request.
        requests: requests per length that count.
        generated_tokens: new tokens of a long answer, fewer where the context ends before.
        generations: long answers that are timed.
        most_s: seconds after which no length and no further long answer is begun.
        progress: told (done, total) between lengths.
    """
    engine.load()
    end_s = time.perf_counter() + most_s
    fitting = lengths_within(lengths, _room(engine, new_tokens))
    words, count = " ".join(prompts).split(), _counter(engine, prompts)
    rows: list[dict[str, Any]] = []
    with watching(_SAMPLE_INTERVAL_MS) as watcher:
        for number, length in enumerate(fitting):
            if rows and time.perf_counter() + _expected_s(rows[-1], length) >= end_s:
                break
            rows.append(_prompt_row(engine, watcher, _text(words, length, count), length, new_tokens, requests))
            progress(number + 1, len(fitting) + 1)
    stopped_by = "count" if len(rows) == len(fitting) else "seconds"
    rows.append(_generation_row(engine, prompts[0], generated_tokens, generations, end_s))
    progress(len(fitting) + 1, len(fitting) + 1)
    return Observations(rows, {"stopped_by": stopped_by, "relative_interval": None})


def lengths_within(lengths: Sequence[int], most: int) -> list[int]:
    """Return the lengths up to ``most``, and that itself where it comes before the last of them."""
    fitting = [length for length in lengths if length <= most]
    is_cut = len(fitting) < len(lengths) and fitting[-1:] != [most]
    return [*fitting, most] if is_cut else fitting


def _room(engine: Engine, taken: int) -> int:
    """Return the tokens of the context that are free beside those ``taken``."""
    room = engine.spec.context_length - taken - (_PREFIX_TOKENS if engine.changes_prompts else 0)
    if room < 2:
        raise YardstickError(
            f"{engine.spec.name}: a context of {engine.spec.context_length} tokens has no room beside {taken} of them; "
            "shorten the prompts or protocol.long_text.new_tokens in config/config.yaml"
        )
    return room


def _counter(engine: Engine, prompts: Sequence[str]) -> Callable[[str], int]:
    """Return what counts a text's tokens; guessed from the prompts where the engine only counts what it processes."""
    try:
        engine.tokenize(prompts[0])
    except YardstickError:
        tokens = sum(engine.generate(prompt, 2).prompt_tokens for prompt in prompts)
        per_letter = _GUESS_MARGIN * tokens / sum(map(len, prompts))
        return lambda text: math.ceil(per_letter * len(text))
    return lambda text: len(engine.tokenize(text))


def _text(words: Sequence[str], length: int, count: Callable[[str], int]) -> str:
    """Return as many of the endless words as ``length`` tokens hold; no word is shorter than a token."""

    def first(number: int) -> str:
        return " ".join(itertools.islice(itertools.cycle(words), number))

    return first(max(1, bisect_right(range(1, length + 1), length, key=lambda number: count(first(number)))))


def _expected_s(row: dict[str, Any], length: int) -> float:
    """Return the seconds that all requests of a length take, if a token costs as much as at the length before."""
    seconds: float = (row["requests"] + 1) * max(row["e2e_s"]) * length / row["length"]
    return seconds


def _prompt_row(
    engine: Engine, watcher: MemoryWatcher, prompt: str, length: int, new_tokens: int, requests: int
) -> dict[str, Any]:
    roots = engine.process_ids()
    loaded = trees_rss_bytes(roots, without=watcher.pid)
    watcher.peak_bytes(roots)
    engine.stream(prompt, new_tokens)
    peak = watcher.peak_bytes([])
    with quiet_collector():
        times = [request_times(engine.stream(prompt, new_tokens)) for _ in range(requests)]
    return _row(
        "prompt",
        length,
        times,
        # Of a server on another machine no process is seen.
        resident_before_bytes=loaded if roots else None,
        peak_bytes=max(peak, loaded) if roots else None,
        accelerator_peak_bytes=engine.accelerator_peak_bytes(),
    )


def _generation_row(
    engine: Engine, prompt: str, generated_tokens: int, generations: int, end_s: float
) -> dict[str, Any]:
    new_tokens = min(generated_tokens, _room(engine, engine.generate(prompt, 2).prompt_tokens))
    times: list[dict[str, Any]] = []
    with quiet_collector():
        while len(times) < generations and not (times and time.perf_counter() >= end_s):
            times.append(request_times(engine.stream(prompt, new_tokens)))
    return _row(
        "generation",
        new_tokens,
        times,
        resident_before_bytes=None,
        peak_bytes=None,
        accelerator_peak_bytes=engine.accelerator_peak_bytes(),
    )


def _row(part: str, length: int, times: Sequence[dict[str, Any]], **memory: int | None) -> dict[str, Any]:
    return {
        "part": part,
        "length": length,
        "requests": len(times),
        "prompt_tokens": sum(request["prompt_tokens"] for request in times),
        "output_tokens": sum(request["output_tokens"] for request in times),
        "ttft_s": [request["ttft_s"] for request in times],
        "e2e_s": [request["e2e_s"] for request in times],
        "itl_s": [request["itl_s"] for request in times],
        **memory,
    }
