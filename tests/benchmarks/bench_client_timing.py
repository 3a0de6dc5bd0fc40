"""How far a client's times to first token and gaps are from the truth, in milliseconds.

Fake servers in a process of their own send tokens by a schedule and note when each chunk is handed to the kernel, on the
same clock as the client. A client is any function from (address, prompt, new tokens) to its start and a time per token. Two
errors are printed, each as median, 95th percentile and maximum over all requests:

- TTFT: the client's time to first token less the server's own, from the first byte of the request to the first chunk;
- gap: the absolute difference between the client's gap between two tokens and the server's.

Ollama does not tell how many tokens a line has, so the gaps of its lines with many of them cannot be right.

Run: python tests/benchmarks/bench_client_timing.py [REQUESTS]
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from benchmark_models import machine_line
from servers.fake_server import Seen
from servers.run_fake import in_process
from yardstick.backends.base import Engine, ModelSpec, ServerSpec

NEW_TOKENS = 32
WARMUPS = 3


@dataclass(frozen=True)
class Timed:
    """What a client says of one request, in seconds of `time.perf_counter`."""

    start_s: float
    token_times_s: Sequence[float]


Client = Callable[[str, str, int], Timed]


@dataclass(frozen=True)
class Case:
    """A schedule, and how many requests are under way at once."""

    name: str
    ttft_ms: float
    gaps_ms: tuple[float, ...]
    tokens_per_chunk: tuple[int, ...] = (1,)
    in_flight: int = 1


CASES = (
    Case("slow", 50, (20,)),
    Case("fast", 5, (2,)),
    Case("very fast", 1, (0.2,)),
    Case("uneven", 5, (1, 8)),
    Case("many a chunk", 5, (4,), (1, 3, 2)),
    Case("8 in flight", 20, (5,), in_flight=8),
)


def measure(client: Client, kind: str, case: Case, requests: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a client's errors of TTFT and of gaps in milliseconds, over all requests."""
    schedule = {"ttft_ms": case.ttft_ms, "gaps_ms": case.gaps_ms, "tokens_per_chunk": case.tokens_per_chunk}
    prompts = [f"request {number} of many" for number in range(WARMUPS + requests)]
    with in_process(kind, schedule=schedule, **({"model": "tiny:latest"} if kind == "ollama" else {})) as fake:
        with ThreadPoolExecutor(case.in_flight) as threads:
            answers = threads.map(lambda prompt: client(fake.url, prompt, NEW_TOKENS), prompts)
            timed = dict(zip(prompts, answers, strict=True))
        sent = {prompt: _asked(fake.requests, prompt) for prompt in prompts[WARMUPS:]}
    errors = [_errors(timed[prompt], seen) for prompt, seen in sent.items()]
    return np.array([ttft for ttft, _ in errors]), np.concatenate([gaps for _, gaps in errors])


def _asked(requests: Sequence[Seen], prompt: str) -> Seen:
    (seen,) = (seen for seen in requests if seen.body and str(seen.body.get("prompt")).endswith(prompt))
    return seen


def _errors(timed: Timed, seen: Seen) -> tuple[float, np.ndarray]:
    truth_s = np.array([sent.time_s for sent in seen.sent for _ in range(sent.tokens)])
    found_s = np.array(timed.token_times_s)
    if len(found_s) != len(truth_s):
        raise ValueError(f"the client found {len(found_s)} tokens, the server sent {len(truth_s)}")
    ttft_s = (found_s[0] - timed.start_s) - (truth_s[0] - seen.arrived_s)
    return 1000 * ttft_s, 1000 * np.abs(np.diff(found_s) - np.diff(truth_s))


def plain_openai(url: str, prompt: str, new_tokens: int) -> Timed:
    """Time a stream with httpx and nothing else: the least that a client in Python can do."""
    body = {"model": "tiny", "prompt": prompt, "max_tokens": new_tokens, "stream": True, "return_token_ids": True}
    return _plain(url + "/v1/completions", body, _openai_tokens)


def plain_ollama(url: str, prompt: str, new_tokens: int) -> Timed:
    """Like `plain_openai` for Ollama's own API."""
    body = {"model": "tiny:latest", "prompt": prompt, "raw": True, "options": {"num_predict": new_tokens}}
    return _plain(url + "/api/generate", body, _ollama_tokens)


def _plain(url: str, body: dict[str, Any], tokens_of: Callable[[str], int]) -> Timed:
    times_s: list[float] = []
    start_s = time.perf_counter()
    with _HTTP.stream("POST", url, json=body) as answer:
        for line in answer.iter_lines():
            time_s = time.perf_counter()
            times_s += [time_s] * tokens_of(line)
    return Timed(start_s, times_s)


def _openai_tokens(line: str) -> int:
    if not line.startswith("data: {"):
        return 0
    return sum(len(choice["text"].split()) for choice in json.loads(line[6:])["choices"])


def _ollama_tokens(line: str) -> int:
    return len(json.loads(line)["response"].split())


_HTTP = httpx.Client(trust_env=False, limits=httpx.Limits(max_keepalive_connections=64))


class EngineClient:
    """One of Yardstick's engines as a client; it is loaded once for each server."""

    def __init__(self, engine: type[Engine], model: str) -> None:
        self._engine, self._model = engine, model
        self._loaded: dict[str, Engine] = {}

    def __call__(self, url: str, prompt: str, new_tokens: int) -> Timed:
        timed = self._at(url).stream(prompt, new_tokens)
        return Timed(timed.start_s, timed.token_times_s)

    def close(self) -> None:
        """Close all engines; their servers are gone already."""
        for engine in self._loaded.values():
            engine.close()

    def _at(self, url: str) -> Engine:
        if url not in self._loaded:
            server = ServerSpec(url=url, model=self._model, waiting=lambda text: None)
            engine = self._engine(ModelSpec("tiny", None, None, "cpu", 512, 1, server=server))
            engine.prepare()
            engine.load()
            self._loaded[url] = engine
        return self._loaded[url]


def clients() -> Iterator[tuple[str, str, Any]]:
    """Yield each client with its name and the kind of server that it is for."""
    from yardstick.backends.ollama import OllamaEngine
    from yardstick.backends.openai_server import OpenAIServerEngine
    from yardstick.backends.trtllm import TrtllmEngine
    from yardstick.backends.vllm import VllmEngine

    yield "plain httpx", "ollama", plain_ollama
    yield "plain httpx", "vllm", plain_openai
    engines: dict[str, type[Engine]] = {
        "ollama": OllamaEngine,
        "vllm": VllmEngine,
        "trtllm": TrtllmEngine,
        "llama_server": OpenAIServerEngine,
    }
    for kind, engine in engines.items():
        with closing(EngineClient(engine, "tiny:latest" if kind == "ollama" else "tiny")) as client:
            yield engine.__name__, kind, client


def summary(errors_ms: np.ndarray) -> str:
    """Return median, 95th percentile and maximum."""
    middle, high = np.percentile(errors_ms, [50, 95])
    return f"{middle:7.2f} {high:7.2f} {errors_ms.max():7.2f}"


def main() -> None:
    """Print one line for each client and schedule."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    print(f"Error in ms (median, P95, max), {requests} requests of {NEW_TOKENS} tokens, {machine_line()}")
    print(f"{'client':<20} {'server':<13} {'schedule':<13} {'TTFT':>23}   {'gap':>23}")
    for (name, kind, client), case in itertools.product(clients(), CASES):
        ttft_ms, gap_ms = measure(client, kind, case, requests)
        print(f"{name:<20} {kind:<13} {case.name:<13} {summary(ttft_ms)}   {summary(gap_ms)}", flush=True)


if __name__ == "__main__":
    main()
