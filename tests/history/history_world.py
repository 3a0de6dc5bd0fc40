"""Shards with arbitrary rows, for compaction: valid and stale ones, of known and removed models, over the years."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick.catalog import PROFILE, is_scores, suite_of
from yardstick.config import Config, load_config
from yardstick.identity import Document, document_hash
from yardstick.plan import Inputs, Plan
from yardstick.registry import ModelEntry, load_registry
from yardstick.shard_paths import Listing, ShardPath, list_shards
from yardstick.shards import SCHEMAS, read_shard, write_shard
from yardstick.suites.base import BaseSuite
from yardstick.suites.load import load_suites

KNOWN, REMOVED = "yardstick-mini", "removed-model"


@dataclass(frozen=True)
class Drawn:
    """A shard to write."""

    metric: str
    model: str
    machine: str
    is_valid: bool
    epoch: str
    threads: int
    measured_at: str
    rows: list[dict[str, Any]]


@cache
def _inputs() -> tuple[Config, dict[str, ModelEntry], dict[str, BaseSuite]]:
    registry = load_registry(ROOT / "config/models.yaml")
    return (
        load_config(ROOT / "config/config.yaml"),
        {KNOWN: registry[KNOWN]},
        load_suites(ROOT / "config/suites"),
    )


def plan_of(results: Path) -> Plan:
    """Return a plan of the repository's known model over other results."""
    config, registry, suites = _inputs()
    return Plan(Inputs(ROOT, config, registry, suites, list_shards(results), threads=1))


@cache
def _valid_definition(metric: str) -> str:
    config, registry, suites = _inputs()
    plan = Plan(Inputs(ROOT, config, registry, suites, Listing(), threads=1))
    entry = registry[KNOWN]
    if is_scores(metric):
        return json.dumps(plan.score_definition(metric, entry))
    return json.dumps(plan.identity(metric, entry).definition)


def write(results: Path, drawn: Drawn) -> ShardPath:
    """Write a shard and return its path."""
    definition: Document = json.loads(_valid_definition(drawn.metric)) if drawn.is_valid else {"metric": drawn.metric}
    environment: Document = {"packages": {"torch": "2"}, "python": "3.11", "epoch": drawn.epoch}
    if suite_of(drawn.metric) is None:
        environment["threads"] = drawn.threads
    path = ShardPath(drawn.metric, drawn.model, drawn.machine, document_hash(definition), document_hash(environment))
    run = {"measured_at": drawn.measured_at, "machine": {"cpu": "a ünusual one"}, "guards": {"load": 0.5, "gpu": None}}
    write_shard(results, path, drawn.rows, {"definition": definition, "environment": environment}, run)
    return path


def contents(results: Path, paths: Iterable[ShardPath]) -> dict[ShardPath, str]:
    """Return all that shards say, as texts, in which a NaN equals itself."""
    shards = {path: read_shard(results, path) for path in paths}
    return {path: json.dumps([shard.rows, shard.identity, shard.run], sort_keys=True) for path, shard in shards.items()}


def _values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_list(kind):
        return st.lists(_values(kind.value_type), max_size=3)
    if pa.types.is_floating(kind):
        return st.floats()
    if pa.types.is_boolean(kind):
        return st.booleans()
    if pa.types.is_integer(kind):
        return st.integers(-(2**63), 2**63 - 1)
    return st.text(max_size=8)


def _rows(metric: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    fields = {
        field.name: st.none() | _values(field.type) if field.nullable else _values(field.type)
        for field in SCHEMAS[metric]
    }
    return st.lists(st.fixed_dictionaries(fields), max_size=3)


@st.composite
def drawn_shards(draw: st.DrawFn) -> Drawn:
    """Draw a shard; few names, so that many are of the same kind."""
    metric = draw(st.sampled_from([metric for metric in SCHEMAS if metric != PROFILE]))
    model = draw(st.sampled_from([KNOWN, KNOWN, REMOVED]))
    year, second = draw(st.sampled_from(["2025", "2026"])), draw(st.integers(0, 59))
    return Drawn(
        metric=metric,
        model=model,
        machine=draw(st.sampled_from(["box-a", "box-b"])),
        is_valid=model == KNOWN and draw(st.booleans()),
        epoch=draw(st.sampled_from(["", "w1", "w2", "w3", "w4"])),
        threads=draw(st.sampled_from([1, 2])),
        measured_at=f"{year}-06-01T00:00:{second:02d}Z",
        rows=draw(_rows(metric)),
    )
