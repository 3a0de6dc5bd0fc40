"""Copies of the repository in which tests run the workflow for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "scripts"
_COPIED = ("workflow", "config", "scripts", "envs")


class WorkingCopy:
    """A copy of the repository without results, in which the workflow runs for real."""

    # A hub that refuses connections: models of the real one are left out at once, wherever the tests run.
    hub = "http://127.0.0.1:9"

    def __init__(self, root: Path) -> None:
        self.root = root

    def snakemake(self, *arguments: str, cores: int = 1, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake as a user does, and return what it printed."""
        done = subprocess.run(
            self.command(*arguments, cores=cores),
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def command(self, *arguments: str, cores: int = 1) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", str(cores), *arguments]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "HF_ENDPOINT": self.hub, "HF_HOME": str(self.root / "hub")}

    def shards(self) -> set[str]:
        """Return the paths of all shards below results/."""
        results = self.root / "results"
        return {path.relative_to(results).as_posix() for path in results.rglob("*.parquet")}

    def edit_yaml(self, path: str, **changes: object) -> None:
        """Set dotted keys of a YAML file."""
        file = self.root / path
        content = yaml.safe_load(file.read_text())
        for dotted, value in changes.items():
            *parents, last = dotted.split("__")
            place = content
            for parent in parents:
                place = place[int(parent) if parent.isdigit() else parent]
            place[last] = value
        file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace text in a file; the text must be there."""
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def copy_to(self, root: Path) -> WorkingCopy:
        """Return a copy with all that git would hold: no .snakemake, no logs, no resources."""
        ignored = shutil.ignore_patterns(".snakemake", "logs", "resources/runs", "__pycache__")
        shutil.copytree(self.root, root, ignore=ignored)
        shutil.rmtree(root / "resources", ignore_errors=True)
        return WorkingCopy(root)


def make_working_copy(root: Path) -> WorkingCopy:
    """Return a working copy whose protocol is short, so that a run takes seconds."""
    root.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    copy = WorkingCopy(root)
    copy.edit_yaml(
        "config/config.yaml",
        machine="test-machine",
        suites=["reasoning"],
        protocol__latency__least_requests=6,
        protocol__latency__most_requests=6,
        protocol__latency__least_s=0,
        protocol__latency__max_new_tokens=8,
        protocol__latency__warmups=1,
        protocol__throughput__least_runs=3,
        protocol__throughput__most_runs=3,
        protocol__throughput__least_s=0,
        protocol__throughput__max_new_tokens=8,
        protocol__concurrency__levels=[1, 2],
        protocol__concurrency__rounds=1,
        protocol__concurrency__max_new_tokens=8,
        protocol__memory__max_new_tokens=8,
        protocol__long_text__lengths=[16, 32],
        protocol__long_text__requests=1,
        protocol__long_text__generated_tokens=16,
        protocol__long_text__generations=1,
    )
    return copy
