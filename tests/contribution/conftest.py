"""What a real run measured, and the same repository without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from forgery import Measured, measured
from working_copy import WorkingCopy


@pytest.fixture(scope="session")
def run_here(_finished_run: WorkingCopy, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The shards of a run of the embedded models, and the repository as others have it: without them."""
    copy = _finished_run.copy_to(tmp_path_factory.mktemp("contribution") / "yardstick")
    found = measured(copy.root)
    shutil.rmtree(copy.root / "results")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a contribution lies."""
    folder = tmp_path / "contribution"
    folder.mkdir()
    return folder
