"""Fixtures for all tests: working copies to run the workflow in, and a disk that fills up."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from working_copy import WorkingCopy, make_working_copy

# Shells start background jobs with Ctrl-C ignored, and children would inherit that: tests that send it would hang.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs under test: a shell that starts the tests in the background has them ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def working_copy(tmp_path: Path) -> WorkingCopy:
    """A fresh working copy without results."""
    return make_working_copy(tmp_path / "yardstick")


@pytest.fixture(scope="session")
def _finished_run(tmp_path_factory: pytest.TempPathFactory) -> WorkingCopy:
    copy = make_working_copy(tmp_path_factory.mktemp("finished") / "yardstick")
    copy.snakemake("ci_safe")
    return copy


@pytest.fixture
def finished(_finished_run: WorkingCopy, tmp_path: Path) -> WorkingCopy:
    """A working copy after a run of ci_safe, as a fresh clone has it: results and leaderboard, nothing else."""
    return _finished_run.copy_to(tmp_path / "finished")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
