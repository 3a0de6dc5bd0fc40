"""Measure speed and memory of models made on the spot, through the project's own backend and metrics.

Rows are kept in `resources/calibration/rows.jsonl`, so that a killed run goes on where it was; `--output FILE` writes all
of them with this machine's profile as the file that predictions are fitted on.
Run: python tests/benchmarks/calibrate.py [--output FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from bench_decode import LoadedEngine
from benchmark_models import REPOSITORY
from calibration_models import CONFIGS, write_model
from yardstick.backends.base import ModelSpec
from yardstick.backends.transformers import TransformersEngine, import_libraries
from yardstick.guards import guard_rails
from yardstick.hardware.probes import profile
from yardstick.hardware.profile import best_of
from yardstick.locks import machine_lock
from yardstick.machine import machine_label
from yardstick.metrics import latency, memory, throughput

FOLDER = REPOSITORY / "resources/calibration"
DTYPES = ("float32", "bfloat16")
THREADS = (1, 2)
PROMPT_TOKENS = (16, 64, 256)
NEW_TOKENS = 16
CONTEXT = 1024
# A row measured while others computed is measured again, so often.
MOST_FOREIGN_CORES, TRIES = 0.25, 4
# Model, number format of the stored weights, kind, threads.
Key = tuple[str, str, str, int]
_WORDS = [
    "the",
    "river",
    "runs",
    "past",
    "the",
    "old",
    "mill",
    "and",
    "reaches",
    "the",
    "sea",
    "after",
    "forty",
    "miles",
]
_SAMPLING: dict[str, Any] = {"relative_interval": 0.03, "progress": lambda done, total: None}


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="file to write all rows to")
    parser.add_argument("--minutes", type=float, default=25, help="no model is begun after so many")
    options = parser.parse_args()
    measure_missing(options.minutes)
    if options.output:
        write_calibration(options.output)


def measure_missing(minutes: float) -> None:
    """Measure the rows that are not there yet, memory first, then again those during which others computed.

    Each is measured in a fresh process, forked where the libraries are imported; all ends when there is no time left.
    """
    import_libraries()
    FOLDER.mkdir(parents=True, exist_ok=True)
    end_s = time.monotonic() + minutes * 60
    for turn in range(TRIES):
        if turn and time.monotonic() < end_s:
            _wait_until_quiet()
            _keep_best(_in_fork(_profile))
        good = {_key(row) for row in kept_rows() if row["foreign_cores"] <= MOST_FOREIGN_CORES}
        for name, dtype in itertools.product(CONFIGS, DTYPES):
            missing = [key for key in _keys(name, dtype) if key not in good and (turn or key[2] != "speed")]
            if missing and time.monotonic() < end_s:
                _measure_model(name, dtype, missing)


def _keep_best(rows: list[dict[str, Any]]) -> None:
    """Keep the better of each number of a profile and those before."""
    file = FOLDER / "profile.json"
    file.write_text(json.dumps(best_of(json.loads(file.read_text()) if file.exists() else [], rows)))


def _keys(name: str, dtype: str) -> list[Key]:
    """Return the rows of a model whose weights are stored in a number format."""
    converted = [(name, dtype, "converted", 1)] if dtype == "bfloat16" else []
    return [(name, dtype, "memory", 1), *converted, *((name, dtype, "speed", threads) for threads in THREADS)]


def _measure_model(name: str, dtype: str, keys: list[Key]) -> None:
    folder = FOLDER / f"{name}-{dtype}"
    _in_fork(write_model, CONFIGS[name], dtype, folder)
    for key in keys:
        _measure_row(key, folder)
    shutil.rmtree(folder)


def _wait_until_quiet() -> None:
    """Wait until others leave the machine alone for a second, at most for some minutes."""
    for _ in range(200):
        if psutil.cpu_percent(1.0) < 8:
            return


def kept_rows() -> list[dict[str, Any]]:
    """Return the rows that were measured; of several of one kind the best numbers, since others only slow it down."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / "rows.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    best: dict[Key, dict[str, Any]] = {}
    for row in map(json.loads, lines):
        known = best.get(_key(row))
        best[_key(row)] = row if known is None else _best(known, row)
    return list(best.values())


def _best(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    if one["kind"] != "speed":
        return other
    times = [(tokens, min(s, t)) for (tokens, s), (_, t) in zip(one["ttft"], other["ttft"], strict=False)]
    return {
        **other,
        "foreign_cores": min(one["foreign_cores"], other["foreign_cores"]),
        "tokens_per_s": max(one["tokens_per_s"], other["tokens_per_s"]),
        "ttft": times,
    }


def write_calibration(output: Path) -> None:
    """Write the rows and the profile that belongs to them, one row a line."""
    profile_rows = json.loads((FOLDER / "profile.json").read_text())
    head = {"machine": machine_label("auto"), "configs": CONFIGS}
    lines = [json.dumps({**head, "profile": profile_rows})[:-1] + ', "rows": [']
    rows = [row for row in kept_rows() if row["foreign_cores"] <= MOST_FOREIGN_CORES]
    lines += [json.dumps(row) + ("," if row is not rows[-1] else "") for row in rows]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("\n".join([*lines, "]}\n"]))
    print(f"{len(rows)} rows in {output}, {len(kept_rows()) - len(rows)} left out: others computed meanwhile")


def _key(row: dict[str, Any]) -> Key:
    return row["model"], row["stored"], row["kind"], row["threads"]


def _measure_row(key: Key, folder: Path) -> None:
    name, stored, kind, threads = key
    dtype = "float32" if kind == "converted" else stored
    observe = _speed if kind == "speed" else _memory
    if kind == "speed":
        _wait_until_quiet()
    with machine_lock(is_exclusive=True, waiting=lambda: None), guard_rails() as guards:
        found = _in_fork(observe, folder, dtype, threads)
    # Memory does not depend on what else runs.
    foreign = guards["foreign_cores"] if kind == "speed" else 0.0
    row = {"model": name, "backend": "transformers", "device": "cpu", "dtype": dtype, "stored": stored, "kind": kind,
           "threads": threads, "foreign_cores": foreign, **found}  # fmt: skip
    with (FOLDER / "rows.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(f"{name} {dtype} {kind} x{threads}: {guards['wall_s']:.1f} s, foreign {foreign:.2f}", flush=True)


def _in_fork(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns in a fresh process."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(work(*arguments)))
    process.start()
    sender.close()
    try:
        found = receiver.recv()
    except EOFError:
        sys.exit("a measurement failed; its traceback is above")
    process.join()
    return found


def _profile() -> list[dict[str, Any]]:
    import torch

    with machine_lock(is_exclusive=True, waiting=lambda: None):
        return list(profile(torch, FOLDER, lambda done, total: None))


def _spec(folder: Path, dtype: str, threads: int) -> ModelSpec:
    return ModelSpec(folder.name, folder, dtype, "cpu", CONTEXT, threads)


def _memory(folder: Path, dtype: str, threads: int) -> dict[str, Any]:
    """Return bytes after loading and the peaks at two lengths of context, each in a process of its own."""
    return {"contexts": [_in_fork(_memory_at, folder, dtype, threads, tokens) for tokens in (32, 512)]}


def _memory_at(folder: Path, dtype: str, threads: int, tokens: int) -> dict[str, Any]:
    engine = TransformersEngine(_spec(folder, dtype, threads))
    engine.prepare()
    prompt = _prompt(folder, tokens)
    new_tokens = 4
    (row,) = memory.observe(
        engine, prompts=[prompt], max_new_tokens=new_tokens, sample_interval_ms=5, progress=lambda done, total: None
    ).rows
    before = row["rss_before_bytes"]
    return {
        "prompt_tokens": len(engine.tokenize(prompt)),
        "new_tokens": new_tokens,
        "load_bytes": row["rss_after_bytes"] - before,
        "peak_load_bytes": row["peak_load_bytes"] - before,
        "peak_bytes": row["peak_decode_bytes"] - before,
    }


def _speed(folder: Path, dtype: str, threads: int) -> dict[str, Any]:
    """Return the best tokens per second, and the best times to the first token of longer and longer prompts.

    The best, as for the profile of the machine: what else runs only makes numbers worse.
    """
    engine = LoadedEngine(_spec(folder, dtype, threads))
    engine.prepare()
    engine.load()
    prompts = [_prompt(folder, 24), _prompt(folder, 48)]
    runs = throughput.observe(
        engine, prompts=prompts, max_new_tokens=NEW_TOKENS, warmups=1, least_runs=4, most_runs=12, least_s=1.0,
        most_s=3, **_SAMPLING,
    ).rows  # fmt: skip
    ttft: list[tuple[int, float]] = []
    for tokens in PROMPT_TOKENS:
        if ttft and ttft[-1][1] * tokens / ttft[-1][0] > 3:
            break
        rows = latency.observe(
            engine, prompts=[_prompt(folder, tokens)], max_new_tokens=2, warmups=1, least_requests=3,
            most_requests=15, least_s=0.3, most_s=1.5, **_SAMPLING,
        ).rows  # fmt: skip
        ttft.append((rows[0]["prompt_tokens"], min(row["ttft_s"] for row in rows)))
    return {
        "prompt_tokens": sum(row["prompt_tokens"] for row in runs) / len(runs) / len(prompts),
        "new_tokens": NEW_TOKENS,
        "tokens_per_s": max(row["output_tokens"] / row["wall_s"] for row in runs),
        "ttft": ttft,
    }


def _prompt(folder: Path, tokens: int) -> str:
    """Return a text of about so many tokens."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    endless = " ".join(_WORDS * (tokens // 4 + 1))
    ids = tokenizer.encode(endless, add_special_tokens=False).ids[:tokens]
    text: str = tokenizer.decode(ids)
    return text


if __name__ == "__main__":
    main()
