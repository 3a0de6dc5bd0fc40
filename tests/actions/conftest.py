"""A repository on disk with the project in it, as GitHub holds one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from actions_project import commit, keep_models
from workflow_runner import GitHub, git
from working_copy import ROOT, WorkingCopy, make_working_copy

_ALSO = ("Makefile", ".gitignore", ".github")


@pytest.fixture
def project(tmp_path: Path) -> WorkingCopy:
    """The project with a short protocol and one embedded model, in a git repository."""
    copy = make_working_copy(tmp_path / "project")
    for name in _ALSO:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy.root / name)
    keep_models(copy, "yardstick-mini")
    git(copy.root, "init", "--quiet", "--initial-branch", "main")
    commit(copy, "Begin")
    return copy


@pytest.fixture
def github(project: WorkingCopy, tmp_path: Path) -> GitHub:
    """The project on a bare repository, and what GitHub keeps beside it."""
    origin = tmp_path / "origin.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(project.root), str(origin))
    git(project.root, "remote", "add", "origin", str(origin))
    home = tmp_path / "github"
    home.mkdir()
    ignored = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "TIER", "MODELS", "EPOCH", "MACHINE", "CORES", "BASE", "HEAD")
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    return GitHub(
        origin,
        home,
        {**environment, "HF_ENDPOINT": WorkingCopy.hub, "HF_HOME": str(tmp_path / "hub")},
        {
            "inputs.tier": "ci_safe",
            "inputs.models": "",
            "inputs.epoch": "",
            "github.event_name == 'schedule' && 'week' || inputs.epoch": "",
            "github.run_id": 1,
            "github.run_attempt": 1,
            "github.token": "",
            "hashFiles('config/models.yaml')": "hash",
            "vars.PIP_EXTRA_INDEX_URL": "",
            "vars.YARDSTICK_MACHINE || 'github-ubuntu-24.04'": "github-test",
        },
    )
