"""The numbers of a training, as `training.json` keeps them beside the weights."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from yardstick.embedded import recipes
from yardstick.embedded.corpus import digest, training_examples
from yardstick.embedded.evaluation import Score
from yardstick.embedded.recipes import Recipe
from yardstick.embedded.suite_guard import SuiteGuard
from yardstick.embedded.training import WEIGHTS, Trained

RECORD_FILE = "training.json"
_LIBRARIES = ("torch", "transformers", "tokenizers")


def text_digest(recipe: Recipe, guard: SuiteGuard) -> str:
    """Return the SHA-256 of the complete training text of a model."""
    return digest(training_examples(recipes.TEXT_SEED, recipe.examples, guard, recipe.curriculum))


def training_record(recipe: Recipe, trained: Trained, folder: Path, guard: SuiteGuard) -> dict[str, Any]:
    """Collect what was trained, how, and on what; no date and no path, which would differ without a reason."""
    return {
        "recipe": asdict(recipe),
        "seed": recipes.SEED,
        "examples": recipe.examples,
        "tokens": trained.tokens,
        "parameters": trained.parameters,
        "loss": round(trained.loss, 4),
        "seconds": round(trained.seconds),
        "machine": f"{platform.machine()} CPU, one thread",
        "libraries": {library: version(library).split("+")[0] for library in _LIBRARIES},
        "text_sha256": text_digest(recipe, guard),
        "weights_sha256": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
    }


def accuracies(scores: dict[str, dict[str, Score]]) -> dict[str, dict[str, dict[str, int]]]:
    """Turn the scores of an evaluation into plain data."""
    return {split: {label: value._asdict() for label, value in part.items()} for split, part in scores.items()}


def write_record(record: dict[str, Any], folder: Path) -> None:
    """Write training.json."""
    (folder / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read_record(folder: Path) -> dict[str, Any]:
    """Read training.json."""
    record: dict[str, Any] = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
    return record
