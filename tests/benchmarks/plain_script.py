"""What one would write without Yardstick: load each model once in one process, and measure the same with the same counts.

Run: python tests/benchmarks/plain_script.py CONFIG SUITE FOLDER... It prints one JSON line per model and stores no more.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers
import yaml


class Clock:
    """Notes when tokens arrive."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, tokens: Any) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        return


class Model:
    """A tokenizer and its model in memory."""

    def __init__(self, folder: Path) -> None:
        before = psutil.Process().memory_info().rss
        options = {"local_files_only": True}
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left", **options)
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options).eval()
        self.memory = psutil.Process().memory_info().rss - before
        # Otherwise the model's own end of text would cut fixed lengths short.
        self.model.generation_config = transformers.GenerationConfig()

    def generate(self, texts: list[str], tokens: int, is_fixed: bool = True, clock: Clock | None = None) -> Any:
        """Return the tokens of prompts and answers, one batch."""
        settings = transformers.GenerationConfig(
            max_new_tokens=tokens, do_sample=False, pad_token_id=0, eos_token_id=None if is_fixed else 0
        )
        inputs = self.tokenizer(texts, return_tensors="pt", padding=True)
        with torch.inference_mode():
            output = self.model.generate(**inputs, generation_config=settings, streamer=clock)
        assert not is_fixed or output.shape[1] == inputs["input_ids"].shape[1] + tokens
        return output


def measure(folder: Path, protocol: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
    """Return answers, latencies, rates and memory of one model."""
    model, prompts = Model(folder), protocol["prompts"]
    questions = [suite["base_prompt"].replace("{question}", task["question"]) for task in suite["tasks"]]
    answers = model.tokenizer.batch_decode(model.generate(questions, suite["max_new_tokens"], is_fixed=False))
    latencies = measure_latency(model, prompts, protocol["latency"])
    rates = measure_throughput(model, prompts, protocol["throughput"])
    measure_concurrency(model, prompts, protocol["concurrency"])
    measure_long_text(model, prompts, protocol["long_text"])
    model.generate(prompts[:1], protocol["memory"]["max_new_tokens"])
    return {"answers": answers, "latencies": latencies, "rates": rates, "memory": model.memory}


def measure_latency(model: Model, prompts: list[str], settings: dict[str, Any]) -> list[float]:
    """Return the seconds of each request."""
    latencies = []
    for number in range(settings["warmups"] + settings["least_requests"]):
        clock, start = Clock(), time.perf_counter()
        model.generate([prompts[number % len(prompts)]], settings["max_new_tokens"], clock=clock)
        latencies.append(clock.times[-1] - start)
    return latencies


def measure_throughput(model: Model, prompts: list[str], settings: dict[str, Any]) -> list[float]:
    """Return the tokens per second of each run."""
    rates = []
    for _ in range(settings["warmups"] + settings["least_runs"]):
        start = time.perf_counter()
        for prompt in prompts:
            model.generate([prompt], settings["max_new_tokens"])
        rates.append(len(prompts) * settings["max_new_tokens"] / (time.perf_counter() - start))
    return rates


def measure_concurrency(model: Model, prompts: list[str], settings: dict[str, Any]) -> None:
    """Answer batches of growing size."""
    endless = itertools.cycle(prompts)
    for level in settings["levels"]:
        for _ in range(1 + settings["rounds"]):
            model.generate(list(itertools.islice(endless, level)), settings["max_new_tokens"])


def measure_long_text(model: Model, prompts: list[str], settings: dict[str, Any]) -> None:
    """Answer prompts of growing length up to the context, then at length."""
    context = model.model.config.max_position_embeddings
    words = itertools.islice(itertools.cycle(" ".join(prompts).split()), context)
    ids = model.tokenizer(" ".join(words))["input_ids"]
    for length in settings["lengths"]:
        # Tokens that are put together and cut again can be a few more.
        prompt = model.tokenizer.decode(ids[: min(length, context - settings["new_tokens"] - 4)])
        for _ in range(1 + settings["requests"]):
            model.generate([prompt], settings["new_tokens"])
        if length >= context:
            break
    room = context - len(model.tokenizer(prompts[0])["input_ids"])
    for _ in range(settings["generations"]):
        model.generate(prompts[:1], min(settings["generated_tokens"], room))


def main() -> None:
    """Measure all models."""
    torch.set_num_threads(1)
    protocol = yaml.safe_load(Path(sys.argv[1]).read_text())["protocol"]
    suite = yaml.safe_load(Path(sys.argv[2]).read_text())
    for folder in sys.argv[3:]:
        print(json.dumps(measure(Path(folder), protocol, suite)))


if __name__ == "__main__":
    main()
