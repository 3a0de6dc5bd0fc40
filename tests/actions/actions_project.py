"""What tests of the workflows do to the project before they run."""

from __future__ import annotations

import copy as copies
import shutil

import yaml
from workflow_runner import GitHub, git
from working_copy import WorkingCopy


def keep_models(copy: WorkingCopy, *names: str) -> None:
    """Leave only some models in the registry."""
    file = copy.root / "config/models.yaml"
    content = yaml.safe_load(file.read_text())
    content["models"] = [entry for entry in content["models"] if entry["id"] in names]
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def commit(copy: WorkingCopy, message: str) -> None:
    git(copy.root, "add", "--all")
    git(copy.root, "commit", "--quiet", "--message", message)


def add_broken_model(copy: WorkingCopy) -> None:
    """Add a model that the preflight finds in order and whose weights are cut short."""
    folder = copy.root / "models/broken"
    shutil.copytree(copy.root / "workflow/resources/embedded/yardstick-mini", folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    file = copy.root / "config/models.yaml"
    content = yaml.safe_load(file.read_text())
    entry = copies.deepcopy(content["models"][0]) | {"id": "broken", "source": {"path": "models/broken"}}
    file.write_text(yaml.safe_dump({"models": [*content["models"], entry]}, sort_keys=False))


def push(copy: WorkingCopy, message: str) -> None:
    """Commit everything and push it to the main branch."""
    commit(copy, message)
    git(copy.root, "push", "--quiet", "origin", "HEAD:main")


def next_run(github: GitHub) -> None:
    """Begin another run: it has another number, and new machines."""
    github.expressions["github.run_id"] += 1
    (github.home / "summary.md").unlink(missing_ok=True)
