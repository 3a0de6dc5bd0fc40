"""A repository with a calibration that follows a known law, and models to predict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from yardstick.config import Config, load_config
from yardstick.hardware.families import model_facts
from yardstick.hardware.formats import DTYPE_BYTES
from yardstick.hardware.observed import calibrated
from yardstick.hardware.profile import MachineProfile
from yardstick.paths import SUITES
from yardstick.plan import Inputs, Plan
from yardstick.registry import parse_registry
from yardstick.shard_paths import list_shards
from yardstick.suites.load import load_suites

ROOT = Path(__file__).resolve().parents[2]
MACHINE = "box-2c-16gb"
BANDWIDTH = 1e10


def config(layers: int, hidden: int) -> dict[str, Any]:
    return {
        "model_type": "llama", "num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": 3 * hidden,
        "num_attention_heads": 4, "vocab_size": 4096, "max_position_embeddings": 2048, "tie_word_embeddings": True,
    }  # fmt: skip


CONFIGS = {f"l{layers}h{hidden}": config(layers, hidden) for layers in (2, 8, 24) for hidden in (64, 256, 1024)}


def profile_rows(bandwidth: float = BANDWIDTH) -> list[dict[str, Any]]:
    """Return a machine that reads weights at one bandwidth wherever they are."""
    place = {"device": "cpu", "threads": 1}
    empty = {"dtype": None, "layout": None, "tokens": None, "matrix_bytes": None, "working_set_bytes": None}
    rows: list[dict[str, Any]] = [
        {"quantity": "memory", **place, **empty, "threads": None, "value": 16e9, "unit": "bytes"},
        {"quantity": "disk_read", **place, **empty, "threads": None, "value": 1e9, "unit": "bytes/s"},
        {"quantity": "memory_bandwidth", **place, **empty, "value": bandwidth, "unit": "bytes/s"},
        {"quantity": "dispatch", **place, **empty, "value": 5e-6, "unit": "s"},
    ]
    for dtype in ("float32", "bfloat16"):
        for layout in ("linear", "conv1d"):
            for tokens in (1, 8, 64):
                for size in (2**12, 2**30):
                    seconds = size * max(1.0, tokens / 8) / bandwidth
                    rows.append(
                        {"quantity": "linear", **place, "dtype": dtype, "layout": layout, "tokens": tokens,
                         "matrix_bytes": size, "working_set_bytes": 2**28, "value": seconds, "unit": "s"}
                    )  # fmt: skip
    return rows


def calibration() -> dict[str, Any]:
    """Return rows in which each term counts 1.5 times, weights once."""
    content: dict[str, Any] = {"machine": MACHINE, "configs": CONFIGS, "profile": profile_rows(), "rows": []}
    for name in CONFIGS:
        for dtype in DTYPE_BYTES:
            if dtype == "float16":
                continue
            common = {"model": name, "backend": "transformers", "device": "cpu", "dtype": dtype, "stored": dtype,
                      "threads": 1, "foreign_cores": 0.0}  # fmt: skip
            context = {"prompt_tokens": 32, "new_tokens": 4, "load_bytes": 1, "peak_load_bytes": 1, "peak_bytes": 1}
            content["rows"] += [
                {**common, "kind": "speed", "prompt_tokens": 32, "new_tokens": 50, "tokens_per_s": 1.0,
                 "ttft": [[16, 1.0], [64, 1.0], [512, 1.0]]},
                {**common, "kind": "memory", "contexts": [context, {**context, "prompt_tokens": 1000}]},
            ]  # fmt: skip
    return _lawful(content)


def _lawful(content: dict[str, Any]) -> dict[str, Any]:
    profile = MachineProfile(MACHINE, content["profile"])
    values = iter(
        [1.5 * sum(found.sample(profile).terms.values()) if found.quantity.endswith("_s")
         else sum(found.sample(profile).terms.values()) for found in calibrated(content)]
    )  # fmt: skip
    for row in content["rows"]:
        if row["kind"] == "speed":
            row["tokens_per_s"] = 1 / next(values)
            row["ttft"] = [[tokens, next(values)] for tokens, _ in row["ttft"]]
            continue
        for context in row["contexts"]:
            for key in ("load_bytes", "peak_load_bytes", "peak_bytes"):
                context[key] = next(values)
    return content


def make_plan(root: Path, models: dict[str, dict[str, Any]], **settings: Any) -> tuple[Plan, Config]:
    """Return a plan of a repository with the calibration and models, name -> `config.json`, changes of the entry."""
    (root / "workflow/resources/calibration").mkdir(parents=True)
    (root / f"workflow/resources/calibration/{MACHINE}.json").write_text(json.dumps(calibration()))
    entries = []
    for name, described in models.items():
        described = {**described}
        changes = described.pop("entry", {})
        (root / name).mkdir()
        (root / name / "config.json").write_text(json.dumps(described))
        try:
            parameters = model_facts(described, name).parameters
        except Exception:
            parameters = 1
        entries.append(
            {"id": name, "tier": "ci_safe", "backend": "transformers", "dtype": "float32", "context_length": 2048,
             "source": {"path": name}, "chat_template": False, "parameters": parameters, "license": "mit",
             "description": "A model.", "memory_mb": 1, **changes}
        )  # fmt: skip
    shipped = load_config(ROOT / "config/config.yaml")
    made = shipped.model_copy(update={"machine": MACHINE, **settings})
    registry = parse_registry({"models": entries}, file="models.yaml")
    inputs = Inputs(root, made, registry, load_suites(ROOT / SUITES), list_shards(root / "results"), 1)
    return Plan(inputs), made
