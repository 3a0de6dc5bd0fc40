"""What tests of the workflows do to the project before they run."""

from __future__ import annotations

import shutil
from typing import Any

import yaml
from workflow_runner import GitHub, git
from working_copy import WorkingCopy


def keep_models(copy: WorkingCopy, *names: str) -> None:
    """Leave only some models in the registry."""
    content = _registry(copy)
    content["models"] = [entry for entry in content["models"] if entry["id"] in names]
    _write_registry(copy, content)


def add_borderline_models(copy: WorkingCopy) -> None:
    """Add two models of the other tier: a good one, and one that passes the preflight and whose weights are cut short."""
    folder = copy.root / "models/broken"
    shutil.copytree(copy.root / "workflow/resources/embedded/yardstick-mini", folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    content = _registry(copy)
    for name, source in (("borderline", {"embedded": "yardstick-mini"}), ("broken", {"path": "models/broken"})):
        content["models"].append(content["models"][0] | {"id": name, "tier": "ci_borderline", "source": source})
    _write_registry(copy, content)


def _registry(copy: WorkingCopy) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((copy.root / "config/models.yaml").read_text())
    return content


def _write_registry(copy: WorkingCopy, content: dict[str, Any]) -> None:
    (copy.root / "config/models.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def commit(copy: WorkingCopy, message: str) -> None:
    git(copy.root, "add", "--all")
    git(copy.root, "commit", "--quiet", "--message", message)


def push(copy: WorkingCopy, message: str) -> None:
    """Commit everything and push it to the main branch."""
    commit(copy, message)
    git(copy.root, "push", "--quiet", "origin", "HEAD:main")


def next_run(github: GitHub) -> None:
    """Begin another run: it has another number, and new machines."""
    github.expressions["github.run_id"] += 1
    (github.home / "summary.md").unlink(missing_ok=True)
