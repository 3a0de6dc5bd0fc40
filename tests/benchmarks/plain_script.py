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


def measure(folder: Path, protocol: dict[str, Any], suite: dict[str, Any]) -> dict[str, Any]:
    """Return answers, latencies, rates and memory of one model."""
    before = psutil.Process().memory_info().rss
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, padding_side="left")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
    memory = psutil.Process().memory_info().rss - before
    # Otherwise the model's own end of text would cut fixed lengths short.
    model.generation_config = transformers.GenerationConfig()
    prompts = protocol["prompts"]

    def generate(texts: list[str], tokens: int, is_fixed: bool = True, clock: Clock | None = None) -> Any:
        settings = transformers.GenerationConfig(
            max_new_tokens=tokens, do_sample=False, pad_token_id=0, eos_token_id=None if is_fixed else 0
        )
        inputs = tokenizer(texts, return_tensors="pt", padding=True)
        with torch.inference_mode():
            output = model.generate(**inputs, generation_config=settings, streamer=clock)
        assert not is_fixed or output.shape[1] == inputs["input_ids"].shape[1] + tokens
        return output

    questions = [suite["base_prompt"].replace("{question}", task["question"]) for task in suite["tasks"]]
    answers = tokenizer.batch_decode(generate(questions, suite["max_new_tokens"], is_fixed=False))
    settings = protocol["latency"]
    latencies = []
    for number in range(settings["warmups"] + settings["least_requests"]):
        clock, start = Clock(), time.perf_counter()
        generate([prompts[number % len(prompts)]], settings["max_new_tokens"], clock=clock)
        latencies.append(clock.times[-1] - start)
    settings = protocol["throughput"]
    rates = []
    for _ in range(settings["warmups"] + settings["least_runs"]):
        start = time.perf_counter()
        for prompt in prompts:
            generate([prompt], settings["max_new_tokens"])
        rates.append(len(prompts) * settings["max_new_tokens"] / (time.perf_counter() - start))
    settings = protocol["concurrency"]
    endless = itertools.cycle(prompts)
    for level in settings["levels"]:
        for _ in range(1 + settings["rounds"]):
            generate(list(itertools.islice(endless, level)), settings["max_new_tokens"])
    settings, context = protocol["long_text"], model.config.max_position_embeddings
    words = itertools.cycle(" ".join(prompts).split())
    ids = tokenizer(" ".join(itertools.islice(words, context)))["input_ids"]
    for length in settings["lengths"]:
        prompt = tokenizer.decode(ids[: min(length, context - settings["new_tokens"] - 4)])
        for _ in range(1 + settings["requests"]):
            generate([prompt], settings["new_tokens"])
        if length >= context:
            break
    room = context - len(tokenizer(prompts[0])["input_ids"])
    for _ in range(settings["generations"]):
        generate(prompts[:1], min(settings["generated_tokens"], room))
    generate(prompts[:1], protocol["memory"]["max_new_tokens"])
    return {"answers": answers, "latencies": latencies, "rates": rates, "memory": memory}


def main() -> None:
    """Measure all models."""
    torch.set_num_threads(1)
    protocol = yaml.safe_load(Path(sys.argv[1]).read_text())["protocol"]
    suite = yaml.safe_load(Path(sys.argv[2]).read_text())
    for folder in sys.argv[3:]:
        print(json.dumps(measure(Path(folder), protocol, suite)))


if __name__ == "__main__":
    main()
