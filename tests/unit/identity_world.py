"""A small registry and settings whose identities tests change one input at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from working_copy import ROOT
from yardstick.catalog import ANSWERS, METRICS, SCORES
from yardstick.config import parse_config
from yardstick.plan import Inputs, Plan
from yardstick.registry import parse_registry
from yardstick.shard_paths import Listing, ShardPath
from yardstick.suites.suite import Suite

MEASURED = frozenset({ANSWERS, *(name for name, metric in METRICS.items() if metric.suite is None)})
TIMED = frozenset({"latency", "throughput", "memory", "concurrency", "long_text"})
SAMPLED = frozenset({"latency", "throughput", "concurrency", "long_text"})
ALL = MEASURED | {SCORES}
QUALITY = frozenset({ANSWERS, SCORES})
NONE: frozenset[str] = frozenset()

Documents = dict[str, Any]


def documents() -> Documents:
    """Return the shipped settings and suite, and a small registry with every kind of source that can be planned."""
    base = {
        "tier": "ci_safe",
        "backend": "transformers",
        "dtype": "float32",
        "context_length": 512,
        "chat_template": False,
        "parameters": 10,
        "license": "mit",
        "description": "A model.",
        "memory_mb": 100,
    }
    models = [
        {**base, "id": "changed", "source": {"hub": "owner/name", "revision": "0" * 40}},
        {**base, "id": "other", "source": {"embedded": "tiny"}},
    ]
    return {
        "config": yaml.safe_load((ROOT / "config/config.yaml").read_text())
        | {"machine": "here", "suites": ["reasoning"]},
        "suite": yaml.safe_load((ROOT / "config/suites/reasoning.yaml").read_text()),
        "models": {"models": models},
        "threads": 1,
    }


def plan_of(content: Documents, root: Path, listing: Listing | None = None) -> Plan:
    inputs = Inputs(
        root=root,
        config=parse_config(content["config"], file="config.yaml"),
        registry=parse_registry(content["models"], file="models.yaml"),
        suites={"reasoning": Suite.model_validate(content["suite"])},
        listing=listing or Listing(),
        threads=content["threads"],
    )
    return Plan(inputs)


def everything(plan: Plan) -> set[ShardPath]:
    """Return all shards that a plan with no results wants."""
    measured = [path for entry in plan.inputs.registry.values() for path in plan.wanted_measurements(entry)]
    return {*measured, *plan.wanted_scores(measured)}


def make_root(folder: Path) -> Path:
    """Return a repository's root with one embedded model."""
    model = folder / "workflow/resources/embedded/tiny"
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(b"weights")
    (model / "README.md").write_text("A card.")
    return folder
