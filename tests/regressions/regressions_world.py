"""Made-up results in a working copy, valid in everything but having been measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yardstick.catalog import ANSWERS, SCORES
from yardstick.config import parse_config
from yardstick.identity import document_hash, score_definition
from yardstick.inputs import load_inputs
from yardstick.machine import machine_facts
from yardstick.plan import Plan
from yardstick.shard_paths import ShardPath
from yardstick.shards import SCHEMAS, write_shard

QUIET = {"foreign_cores": 0.0, "cpu_mhz_before": 3000.0, "cpu_mhz_after": 3000.0, "swapped_bytes": 0}


def plan_of(root: Path) -> Plan:
    """Return the plan of a repository with its own settings."""
    content = yaml.safe_load((root / "config/config.yaml").read_text())
    return Plan(load_inputs(root, parse_config(content, file="config.yaml"), threads=1))


def put(
    root: Path,
    metric: str,
    model: str,
    rows: list[dict[str, Any]],
    *,
    at: str,
    epoch: str = "",
    guards: dict[str, Any] | None = None,
    machine: dict[str, Any] | None = None,
    environment: dict[str, Any] | None = None,
) -> ShardPath:
    """Write a result of the current definition; columns that a row does not give are filled with nothing."""
    plan = plan_of(root)
    entry = plan.inputs.registry[model]
    identity = plan.identity(ANSWERS if metric == SCORES else metric, entry)
    definition = identity.definition
    if metric == SCORES:
        definition = score_definition(identity.definition_hash, entry, plan.inputs.suites[metric])
    surroundings = {**identity.environment, "epoch": epoch, **(environment or {})}
    path = ShardPath(metric, model, plan.machine, document_hash(definition), document_hash(surroundings))
    run = {"measured_at": at, "machine": machine or machine_facts(), "guards": {**QUIET, **(guards or {})}}
    document = {"definition": definition, "environment": surroundings}
    write_shard(root / "results", path, [{**_empty(metric), **row} for row in rows], document, run)
    return path


def _empty(metric: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"int64": 0, "double": 0.0, "string": "", "bool": False}
    return {field.name: None if field.nullable else empty.get(str(field.type), []) for field in SCHEMAS[metric]}


def requests(*seconds: float) -> list[dict[str, Any]]:
    """Return rows of a latency shard."""
    return [{"request": number, "e2e_s": value} for number, value in enumerate(seconds)]


def slow_requests(median: float, n: int = 30) -> list[dict[str, Any]]:
    """Return rows of a latency shard that vary by a few percent around a median."""
    return requests(*(median * (1 + (number - n / 2) / 1000) for number in range(n)))


def runs(*rates: float) -> list[dict[str, Any]]:
    """Return rows of a throughput shard with so many tokens per second."""
    return [{"run": number, "output_tokens": 200, "wall_s": 200 / rate} for number, rate in enumerate(rates)]


def grown_by(increment: int) -> list[dict[str, Any]]:
    """Return the row of a memory shard."""
    return [{"rss_before_bytes": 300_000_000, "rss_after_bytes": 300_000_000 + increment}]


def scores(solved: int, root: Path) -> list[dict[str, Any]]:
    """Return rows of a shard of scores, the first tasks solved."""
    tasks = plan_of(root).inputs.suites["reasoning"].tasks
    return [{"task": task.id, "category": task.category, "solved": place < solved} for place, task in enumerate(tasks)]
