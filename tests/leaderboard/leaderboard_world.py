"""A small repository with synthetic shards that are valid in everything but having been measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yardstick.catalog import ANSWERS, SCORES
from yardstick.config import Config, load_config
from yardstick.identity import Document, document_hash, score_definition
from yardstick.leaderboard.build import Built, build
from yardstick.leaderboard.document import Row
from yardstick.plan import Inputs, Plan
from yardstick.registry import ModelEntry, parse_registry
from yardstick.shard_paths import Listing, ShardPath, list_shards
from yardstick.shards import write_shard
from yardstick.suites.suite import Suite, Task

REPOSITORY = Path(__file__).resolve().parents[2]
QUIET = {"foreign_cores": 0.0, "cpu_mhz_before": 3000.0, "cpu_mhz_after": 3000.0, "swapped_bytes": 0}
PACKAGES = {"torch": "2.5.1", "transformers": "5.0.0"}


def model(name: str, **changes: Any) -> dict[str, Any]:
    """Return a registry entry as it stands in YAML."""
    return {
        "id": name,
        "tier": "ci_safe",
        "backend": "transformers",
        "source": {"hub": f"owner/{name}", "revision": "0" * 40},
        "dtype": "float32",
        "context_length": 512,
        "chat_template": False,
        "parameters": 81_912_576,
        "license": "mit",
        "description": "A model.",
        "memory_mb": 600,
        **changes,
    }


def suite(tasks: int) -> Suite:
    """Return a suite of so many tasks."""
    categories = ["arithmetic", "logic", "common_sense", "sequence"]
    return Suite(
        name="reasoning",
        description="Tasks.",
        base_prompt="Question: {question}\nAnswer:",
        max_new_tokens=32,
        tasks=[
            Task(id=f"task-{place}", category=categories[place % 4], question=f"Question {place}?", accept=["yes"])
            for place in range(tasks)
        ],
    )


@dataclass
class World:
    """A repository: write shards into it, then ask for the leaderboard."""

    root: Path
    config: Config
    registry: dict[str, ModelEntry]
    suite: Suite = field(default_factory=lambda: suite(10))
    threads: int = 1

    @property
    def results(self) -> Path:
        return self.root / "results"

    def plan(self, config: Config | None = None) -> Plan:
        listing = list_shards(self.results)
        return Plan(
            Inputs(self.root, config or self.config, self.registry, {"reasoning": self.suite}, listing, self.threads)
        )

    def build(self) -> Built:
        return build(self.plan())

    def rows(self) -> list[Row]:
        return self.build().leaderboard.rows

    def row(self) -> Row:
        (row,) = self.rows()
        return row

    def write(
        self,
        metric: str,
        name: str = "alpha",
        *,
        machine: str = "box-a",
        threads: int = 1,
        at: str = "2026-01-01T00:00:00Z",
        rows: list[dict[str, Any]] | None = None,
        guards: dict[str, Any] | None = None,
        packages: dict[str, str] | None = None,
        epoch: str = "",
        protocol: dict[str, dict[str, Any]] | None = None,
        definition: Document | None = None,
    ) -> ShardPath:
        """Write a shard of the current definition, or of one with other protocol settings."""
        definition = definition or self.definition(metric, name, protocol or {})
        environment = {"packages": packages or PACKAGES, "python": "3.11", "epoch": epoch}
        if metric not in {ANSWERS, SCORES}:
            environment["threads"] = threads
        path = ShardPath(metric, name, machine, document_hash(definition), document_hash(environment))
        run = {"measured_at": at, "threads": threads, "machine": {}, "guards": {**QUIET, **(guards or {})}}
        identity = {"definition": definition, "environment": environment}
        write_shard(self.results, path, ROWS[metric](self) if rows is None else rows, identity, run)
        return path

    def write_all(self, name: str = "alpha", **options: Any) -> list[ShardPath]:
        """Write one shard of every metric."""
        return [self.write(metric, name, **options) for metric in ROWS]

    def definition(self, metric: str, name: str, protocol: dict[str, dict[str, Any]]) -> Document:
        """Return the definition of a metric with changed protocol settings."""
        document = self.config.model_dump(mode="json")
        for part, changes in protocol.items():
            document["protocol"][part].update(changes)
        config, entry = Config.model_validate(document), self.registry[name]
        plan = Plan(Inputs(self.root, config, self.registry, {"reasoning": self.suite}, Listing(), self.threads))
        if metric == SCORES:
            return score_definition(plan.definition_hash(ANSWERS, entry), entry, self.suite)
        return plan.identity(metric, entry).definition


def scores(world: World, solved: int = 6) -> list[dict[str, Any]]:
    """Return scores with the first tasks solved."""
    return [
        {
            "task": task.id,
            "category": task.category,
            "solved": place < solved,
            "accepted": [],
            "rejected": [],
            "considered": "",
        }
        for place, task in enumerate(world.suite.tasks)
    ]


def answers(world: World) -> list[dict[str, Any]]:
    """Return an answer to each task."""
    counts = {"prompt_tokens": 9, "output_tokens": 3}
    return [
        {"task": task.id, "prompt": task.question, **counts, "answer": "yes", "finish": "stop"}
        for task in world.suite.tasks
    ]


def requests(world: World | None = None, *, n: int = 30, **changes: Any) -> list[dict[str, Any]]:
    """Return timed requests of 1.00, 1.01, 1.02 ... seconds."""
    return [
        {
            "request": number,
            "prompt": number % 4,
            "prompt_tokens": 20,
            "output_tokens": 50,
            "ttft_s": 0.1,
            "e2e_s": 1 + number / 100,
            "itl_s": [0.02] * 49,
            "output_hash": f"hash-{number % 4}",
            "engine_prefill_s": None,
            "engine_decode_s": None,
            **changes,
        }
        for number in range(n)
    ]


def runs(
    world: World | None = None, *, tokens: int = 200, walls: tuple[float, ...] = (1.0, 2.0)
) -> list[dict[str, Any]]:
    """Return throughput runs."""
    return [
        {"run": number, "prompt_tokens": 80, "output_tokens": tokens, "wall_s": wall_s}
        for number, wall_s in enumerate(walls)
    ]


def levels(world: World | None = None, *, in_flight: tuple[int, ...] = (1, 2)) -> list[dict[str, Any]]:
    """Return concurrency levels of three rounds, each round one second long."""
    return [
        {
            "in_flight": level,
            "requests": 3 * level,
            "prompt_tokens": 60 * level,
            "output_tokens": 150 * level,
            "wall_s": 3.0,
            "ttft_s": [0.1] * (3 * level),
            "e2e_s": [1.0] * (3 * level),
        }
        for level in in_flight
    ]


def lengths(world: World | None = None, *, tokens: tuple[int, ...] = (64, 128, 256)) -> list[dict[str, Any]]:
    """Return rows of long text: 1,000 tokens of a prompt a second, 2 MB per 1,000 tokens, an answer that slows down."""
    prompts = [
        _long_row("prompt", length, 5, 5 * length, [[0.01] * 7] * 5, length / 1000)
        | {"resident_before_bytes": 500_000_000, "peak_bytes": 510_000_000 + 2000 * length}
        for length in tokens
    ]
    slowing = [0.01] * 128 + [0.015] * 255 + [0.02] * 128
    return [*prompts, _long_row("generation", 512, 2, 40, [slowing] * 2, 0.02)]


def _long_row(
    part: str, length: int, requests: int, prompt_tokens: int, gaps: list[list[float]], first_s: float
) -> dict[str, Any]:
    return {
        "part": part,
        "length": length,
        "requests": requests,
        "prompt_tokens": prompt_tokens,
        "output_tokens": sum(len(of_one) + 1 for of_one in gaps),
        "ttft_s": [first_s] * requests,
        "e2e_s": [first_s + sum(of_one) for of_one in gaps],
        "itl_s": gaps,
        "resident_before_bytes": None,
        "peak_bytes": None,
        "accelerator_peak_bytes": 0,
    }


def sizes(world: World | None = None, **changes: int | None) -> list[dict[str, Any]]:
    """Return the row of a memory shard, in bytes."""
    row: dict[str, int | None] = {
        "rss_before_bytes": 300_000_000,
        "pss_before_bytes": 250_000_000,
        "uss_before_bytes": 200_000_000,
        "rss_after_bytes": 650_000_000,
        "pss_after_bytes": 640_000_000,
        "uss_after_bytes": 630_000_000,
        "peak_load_bytes": 900_000_000,
        "peak_decode_bytes": 700_000_000,
        "accelerator_bytes": 0,
        "accelerator_peak_bytes": 0,
        "reported_bytes": None,
        "reserved_bytes": 0,
    }
    return [{**row, **changes}]


ROWS: dict[str, Callable[[World], list[dict[str, Any]]]] = {
    ANSWERS: answers,
    SCORES: scores,
    "latency": requests,
    "throughput": runs,
    "memory": sizes,
    "concurrency": levels,
    "long_text": lengths,
}


def make_world_in(root: Path, *entries: dict[str, Any]) -> World:
    """Return a repository in a folder, with the given registry entries and the shipped settings."""
    registry = parse_registry({"models": list(entries)}, file="models.yaml")
    return World(root, load_config(REPOSITORY / "config" / "config.yaml"), registry)
