"""A leaderboard of invented models with plausible numbers, to look at and to test the page with.

Run: python tests/browser/page_world.py FOLDER [MODELS]
It writes the files of the leaderboard into FOLDER.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "scripts"), str(REPOSITORY / "tests" / "leaderboard")]

from leaderboard_world import World, make_world_in, model  # noqa: E402
from yardstick.catalog import ANSWERS, SCORES  # noqa: E402
from yardstick.identity import document_hash  # noqa: E402
from yardstick.leaderboard.build import write  # noqa: E402
from yardstick.paths import SUITES  # noqa: E402
from yardstick.shard_paths import ShardPath  # noqa: E402
from yardstick.shards import write_shard  # noqa: E402
from yardstick.suites.suite import Task, load_suite  # noqa: E402

_FAMILIES = ["alder", "birch", "cedar", "elm", "fir", "hazel", "juniper", "larch", "maple", "oak", "rowan", "willow"]
_SIZES = [30e6, 70e6, 135e6, 360e6, 500e6, 1.1e9, 1.7e9, 2.7e9, 3.8e9, 7.2e9]
_BYTES = {"float32": 4.0, "bfloat16": 2.0, "q4_0": 0.56}
# Label -> bytes per second that decoding can read, and facts.
MACHINES = {
    "ryzen-7-8c-32gb": (45e9, {"cpu": "Ryzen 7 (invented)", "cores": 8, "memory_bytes": 32 * 2**30}),
    "laptop-4c-16gb": (22e9, {"cpu": "Laptop (invented)", "cores": 4, "memory_bytes": 16 * 2**30}),
}
_GUARDS = {
    "load_before": 0.1, "load_after": 1.0, "foreign_cores": 0.01, "cpu_mhz_before": 3600.0, "cpu_mhz_after": 3580.0,
    "swapped_bytes": 0, "foreign_gpu_processes": None, "wall_s": 31.2,
}  # fmt: skip
_WEEKS = ["2026-W38", "2026-W40", "2026-W42", "2026-W44"]


def make_page_world(root: Path, models: int = 14, *, every_machine: bool = False) -> World:
    """Return a repository with results of so many models: flags, history, missing parts and all."""
    chance = random.Random(7)
    entries = [_entry(number) for number in range(models)]
    world = make_world_in(root, *entries, model("waits-for-a-machine", tier="local_only", description="Not measured."))
    world.suite = load_suite(REPOSITORY / SUITES / "reasoning.yaml")
    for number, entry in enumerate(entries):
        for place, machine in enumerate(MACHINES):
            if place == 0 or every_machine or number % 5 == 0:
                _measure(world, entry, machine, number, chance)
    return world


def content_of(page: str) -> dict[str, Any]:
    """Return the data inside a page."""
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)
    assert found
    content: dict[str, Any] = json.loads(found[1])
    return content


def _entry(number: int) -> dict[str, Any]:
    family, size = _FAMILIES[number % len(_FAMILIES)], _SIZES[(number * 7) % len(_SIZES)]
    is_small, is_chat = size >= 1e9, number % 3 != 0
    words = f"{size / 1e9:.1f}b" if size >= 1e9 else f"{size / 1e6:.0f}m"
    turn = number // len(_FAMILIES)
    tail = ("-instruct" if is_chat else "") + (f"-v{turn + 1}" if turn else "")
    return model(
        f"{family}-{words}{tail}",
        tier="ci_safe" if size < 4e8 else "ci_borderline" if size < 1.5e9 else "local_only",
        backend="llama_cpp" if is_small else "transformers",
        source={"hub": f"forest/{family}-{words}", "revision": f"{number:040x}"}
        | ({"file": f"{family}-{words}-q4_0.gguf"} if is_small else {}),
        dtype=None if is_small else "float32" if number % 2 else "bfloat16",
        quantization="q4_0" if is_small else None,
        chat_template=is_chat,
        parameters=int(size),
        license=["apache-2.0", "mit", "openrail"][number % 3],
        description=f"An invented {'chat' if is_chat else 'base'} model, {words} parameters.",
    )


def _measure(world: World, entry: dict[str, Any], machine: str, number: int, chance: random.Random) -> None:
    epochs = _WEEKS if number % 4 == 0 else _WEEKS[-1:]
    definitions = {metric: world.definition(metric, entry["id"], {}) for metric in _METRICS if metric not in _SOME}
    if number % 2 == 0:
        definitions |= {metric: world.definition(metric, entry["id"], {}) for metric in _SOME}
    if number % 9 == 5:
        del definitions["memory"]
    for epoch in epochs:
        for metric, definition in definitions.items():
            if metric in (ANSWERS, SCORES) and machine != next(iter(MACHINES)):
                continue
            _write(world, metric, definition, entry, machine, epoch, number, chance)


def _write(
    world: World,
    metric: str,
    definition: dict[str, Any],
    entry: dict[str, Any],
    machine: str,
    epoch: str,
    number: int,
    chance: random.Random,
) -> None:
    environment: dict[str, Any] = {
        "packages": {"torch": "2.13.0", "transformers": "5.23.0"} if entry["dtype"] else {"llama-cpp-python": "0.3.36"},
        "python": "3.11",
        "epoch": epoch,
    }
    if metric not in (ANSWERS, SCORES):
        environment["threads"] = 4
    path = ShardPath(metric, entry["id"], machine, document_hash(definition), document_hash(environment))
    guards = _GUARDS | ({"foreign_cores": 0.8} if number % 6 == 2 else {})
    run = {
        "measured_at": f"2026-{9 + _WEEKS.index(epoch) // 2:02}-{3 + 12 * (_WEEKS.index(epoch) % 2):02}T08:30:00Z",
        "threads": 4,
        "machine": {**MACHINES[machine][1], "system": "Linux", "architecture": "x86_64", "accelerators": []},
        "guards": guards,
        "engine": {},
        "sampling": {} if metric in (ANSWERS, SCORES, "memory") else _SAMPLING[metric],
    }
    rows = _METRICS[metric](world, entry, machine, chance)
    write_shard(world.results, path, rows, {"definition": definition, "environment": environment}, run)


# Metrics of which only some rows have results.
_SOME = ("concurrency", "long_text")
_SAMPLING = {
    "latency": {"stopped_by": "interval", "relative_interval": 0.0213},
    "throughput": {"stopped_by": "seconds", "relative_interval": 0.031},
    "concurrency": {"stopped_by": "gain", "relative_interval": None},
    "long_text": {"stopped_by": "count", "relative_interval": None},
}


def _seconds_per_token(entry: dict[str, Any], machine: str) -> float:
    return entry["parameters"] * _width(entry) / MACHINES[machine][0] + 0.0015


def _width(entry: dict[str, Any]) -> float:
    return _BYTES[entry["quantization"] or entry["dtype"]]


def _answers(world: World, entry: dict[str, Any], machine: str, chance: random.Random) -> list[dict[str, Any]]:
    return [_answer(world, entry, task) for task in world.suite.tasks]


def _solves(entry: dict[str, Any], task: Task) -> bool:
    knows = (entry["parameters"] / 8e9) ** 0.3 * (1.0 if entry["chat_template"] else 0.8)
    return random.Random(entry["id"] + task.id).random() < knows


def _text(entry: dict[str, Any], task: Task) -> tuple[str, str]:
    """Return what counts of an answer, and the rest."""
    if _solves(entry, task):
        counted = f" The answer is {task.accept[0]}, because that follows from the question."
    else:
        counted = " I am not sure, there are many things to think about here and I would say none."
    return counted, "" if entry["chat_template"] else "\nQuestion: What is the capital of France?\nAnswer: Paris"


def _answer(world: World, entry: dict[str, Any], task: Task) -> dict[str, Any]:
    prompt = task.question if entry["chat_template"] else world.suite.base_prompt.format(question=task.question)
    finish = "stop" if entry["chat_template"] else "length"
    counts = {"prompt_tokens": 24, "output_tokens": 19 if finish == "stop" else 32}
    return {"task": task.id, "prompt": prompt, **counts, "answer": "".join(_text(entry, task)), "finish": finish}


def _scores(world: World, entry: dict[str, Any], machine: str, chance: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "task": task.id,
            "category": task.category,
            "solved": _solves(entry, task),
            "accepted": task.accept[:1] if _solves(entry, task) else [],
            "rejected": [],
            "considered": _text(entry, task)[0],
        }
        for task in world.suite.tasks
    ]


def _latency(world: World, entry: dict[str, Any], machine: str, chance: random.Random) -> list[dict[str, Any]]:
    each_s = _seconds_per_token(entry, machine)
    rows = []
    for request in range(12 if entry["parameters"] > 5e9 else chance.choice([30, 45, 80])):
        first_s = 4 * each_s * chance.lognormvariate(0, 0.08)
        gap_s = each_s * chance.lognormvariate(0.02, 0.05) + (each_s if chance.random() < 0.03 else 0)
        rows.append(
            {
                "request": request, "prompt": request % 4, "prompt_tokens": 20, "output_tokens": 50, "ttft_s": first_s,
                "e2e_s": first_s + 49 * gap_s, "itl_s": [gap_s] * 49, "output_hash": f"hash-{request % 4}",
                "engine_prefill_s": None, "engine_decode_s": None,
            }
        )  # fmt: skip
    return rows


def _throughput(world: World, entry: dict[str, Any], machine: str, chance: random.Random) -> list[dict[str, Any]]:
    prompts = len(world.config.protocol.prompts)
    each_s = _seconds_per_token(entry, machine)
    return [
        {
            "run": run,
            "prompt_tokens": 20 * prompts,
            "output_tokens": 50 * prompts,
            "wall_s": 53 * prompts * each_s * chance.lognormvariate(0, 0.03),
        }
        for run in range(8)
    ]


def _memory(world: World, entry: dict[str, Any], machine: str, chance: random.Random) -> list[dict[str, Any]]:
    size, before = int(entry["parameters"] * _width(entry) * 1.04 + 20e6), 310_000_000
    after = {f"{kind}_after_bytes": before + size for kind in ("rss", "pss", "uss")}
    return [
        {
            **{f"{kind}_before_bytes": before for kind in ("rss", "pss", "uss")},
            **after,
            "peak_load_bytes": before + int(size * (1.02 if entry["quantization"] else 1.45)),
            "peak_decode_bytes": before + int(size * 1.08),
            "accelerator_bytes": 0,
            "accelerator_peak_bytes": 0,
            "reported_bytes": None,
            "reserved_bytes": 0,
        }
    ]


def _concurrency(world: World, entry: dict[str, Any], machine: str, chance: random.Random) -> list[dict[str, Any]]:
    each_s, rows = _seconds_per_token(entry, machine), []
    for level in (1, 2, 4, 8):
        e2e_s = [50 * each_s * (1 + 0.22 * level) * chance.lognormvariate(0, 0.04) for _ in range(3 * level)]
        rows.append(
            {
                "in_flight": level, "requests": len(e2e_s), "prompt_tokens": 20 * len(e2e_s),
                "output_tokens": 50 * len(e2e_s), "wall_s": sum(e2e_s) / level,
                "ttft_s": [seconds / 12 for seconds in e2e_s], "e2e_s": e2e_s,
            }
        )  # fmt: skip
    return rows


def _long_text(world: World, entry: dict[str, Any], machine: str, chance: random.Random) -> list[dict[str, Any]]:
    each_s, rows = _seconds_per_token(entry, machine), []
    for tokens in (64, 128, 256, 512, 1024, 2048, 4096):
        first_s = [each_s * tokens * (0.12 + tokens / 6e4) * chance.lognormvariate(0, 0.03) for _ in range(5)]
        rows.append(_long_row("prompt", tokens, first_s, [[each_s * (1 + tokens / 2e4)] * 7] * 5))
        rows[-1] |= {"resident_before_bytes": 10**9, "peak_bytes": 10**9 + int(tokens * entry["parameters"] / 2e4)}
    slowing = [each_s * (1 + number / 4000) for number in range(511)]
    return [*rows, _long_row("generation", 512, [3 * each_s] * 2, [slowing] * 2)]


def _long_row(part: str, length: int, first_s: list[float], gaps: list[list[float]]) -> dict[str, Any]:
    return {
        "part": part, "length": length, "requests": len(first_s),
        "prompt_tokens": (length if part == "prompt" else 20) * len(first_s),
        "output_tokens": sum(len(of_one) + 1 for of_one in gaps), "ttft_s": first_s,
        "e2e_s": [first + sum(of_one) for first, of_one in zip(first_s, gaps, strict=True)], "itl_s": gaps,
        "resident_before_bytes": None, "peak_bytes": None, "accelerator_peak_bytes": 0,
    }  # fmt: skip


_METRICS = {
    ANSWERS: _answers,
    SCORES: _scores,
    "latency": _latency,
    "throughput": _throughput,
    "memory": _memory,
    "concurrency": _concurrency,
    "long_text": _long_text,
}


def main() -> None:
    """Write a leaderboard into a folder."""
    folder, models = Path(sys.argv[1]), int((sys.argv[2:] or ["14"])[0])
    with tempfile.TemporaryDirectory() as name:
        os.fsync = lambda descriptor: None
        built = make_page_world(Path(name), models).build()
        write(built, folder)
    print(f"{folder / 'index.html'}: {(folder / 'index.html').stat().st_size / 1e6:.2f} MB")
    print("\n".join(built.lines))


if __name__ == "__main__":
    main()
