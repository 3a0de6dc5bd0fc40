"""Decode rate through the latency and throughput metrics, over a bare loop around `model.generate`.

Prints the best tokens per second of each over many short rounds, and the ratio of the best. They alternate in one process
with one thread; medians drift by more with a shared machine's speed than measuring costs.
A ratio of 1.00 means that measuring costs nothing. Run: python tests/benchmarks/bench_decode.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark_models import EMBEDDED, REPOSITORY, machine_line, write_random_distilgpt2
from yardstick.backends.base import ModelSpec
from yardstick.backends.transformers import TransformersEngine
from yardstick.config import load_config
from yardstick.metrics import latency, throughput

NEW_TOKENS = 50
ROUNDS = 40
# Counts alone end the sampling here.
UNLIMITED: dict[str, Any] = {
    "relative_interval": 1e-9,
    "least_s": 0,
    "most_s": 600,
    "progress": lambda done, total: None,
}


class LoadedEngine(TransformersEngine):
    """An engine that stays loaded, so that rounds alternate within seconds."""

    is_loaded = False

    def load(self) -> None:
        if not self.is_loaded:
            super().load()
            self.is_loaded = True


def bare_rate(engine: TransformersEngine, prompts: list[str]) -> float:
    """Return tokens per second of the loop that a user would write."""
    tokenizer, model = engine._tokenizer, engine._model
    settings = engine._transformers.GenerationConfig(max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=0)
    start_s = time.perf_counter()
    with engine._torch.inference_mode():
        for prompt in prompts:
            model.generate(**tokenizer(prompt, return_tensors="pt"), generation_config=settings)
    return NEW_TOKENS * len(prompts) / (time.perf_counter() - start_s)


def latency_rate(engine: TransformersEngine, prompts: list[str]) -> float:
    """Return tokens per second by the latency metric's own end-to-end times."""
    rows = latency.observe(
        engine,
        prompts=prompts,
        max_new_tokens=NEW_TOKENS,
        warmups=0,
        least_requests=len(prompts),
        most_requests=len(prompts),
        **UNLIMITED,
    ).rows
    return sum(row["output_tokens"] for row in rows) / sum(row["e2e_s"] for row in rows)


def throughput_rate(engine: TransformersEngine, prompts: list[str]) -> float:
    """Return tokens per second by the throughput metric's own wall time."""
    observed = throughput.observe(
        engine,
        prompts=prompts,
        max_new_tokens=NEW_TOKENS,
        warmups=0,
        least_runs=1,
        most_runs=1,
        **UNLIMITED,
    )
    (row,) = observed.rows
    return float(row["output_tokens"] / row["wall_s"])


RATES: dict[str, Callable[[TransformersEngine, list[str]], float]] = {
    "bare": bare_rate,
    "latency": latency_rate,
    "throughput": throughput_rate,
}


def compare(name: str, folder: Path, prompts: list[str], rounds: int) -> None:
    """Print one line for one model."""
    engine = LoadedEngine(ModelSpec(name, folder, "float32", "cpu", 1024, 1))
    engine.prepare()
    engine.load()
    for rate in RATES.values():
        rate(engine, prompts)
    found: dict[str, list[float]] = {metric: [] for metric in RATES}
    for number in range(rounds):
        for metric in list(RATES) if number % 2 else list(reversed(RATES)):
            found[metric].append(RATES[metric](engine, prompts))
    rates = {metric: max(values) for metric, values in found.items()}
    cells = [f"{rates['bare']:10.1f}"]
    cells += [f"{rates[metric]:10.1f} {rates[metric] / rates['bare']:6.3f}" for metric in ("latency", "throughput")]
    print(f"{name:<22}", *cells, flush=True)


def main() -> None:
    """Compare on the embedded models and on random weights of distilgpt2's shape."""
    prompts = list(load_config(REPOSITORY / "config/config.yaml").protocol.prompts)[:2]
    print(f"Tokens per second, 1 thread, {machine_line()}")
    print(f"{'model':<22} {'bare':>10} {'latency':>10} {'ratio':>6} {'throughput':>10} {'ratio':>6}")
    for name in ("yardstick-mini", "yardstick-base"):
        compare(name, EMBEDDED / name, prompts, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        compare("random distilgpt2", write_random_distilgpt2(Path(folder)), prompts, ROUNDS // 4)


if __name__ == "__main__":
    main()
