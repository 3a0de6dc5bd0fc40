"""A history that is measured for real, and a slowdown that comes with the environment: the code stays what it was."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from working_copy import WorkingCopy

MODEL = "yardstick-mini"
# Python runs this first wherever its folder is on PYTHONPATH: each of the model's layers waits before it computes.
SLOW = """
import importlib.abc, importlib.machinery, sys, time

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "torch.nn.modules.linear":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            forward = module.Linear.forward

            def slowed(self, value):
                time.sleep(0.002)
                return forward(self, value)

            module.Linear.forward = slowed

        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""


def run(copy: WorkingCopy, *arguments: str, slow: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = copy.environment() | ({"PYTHONPATH": str(slow)} if slow else {})
    command = copy.command(*arguments)
    return subprocess.run(command, cwd=copy.root, env=environment, capture_output=True, text=True, check=False)


def row_of(metric: str, output: str) -> str:
    """Return a metric's row of the table, not the line that says that it is measured again."""
    return next(line for line in output.splitlines() if re.match(rf"{metric} .* %", line))


@pytest.mark.slow
def test_a_slowdown_after_two_weeks_is_an_alarm_and_one_that_passes_is_none(
    working_copy: WorkingCopy, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    for week, slow in (("w1", None), ("w2", None), ("w3", tmp_path)):
        done = run(working_copy, "ci_safe", "--config", f"models={MODEL}", f"epoch={week}", slow=slow)
        assert done.returncode == 0, done.stderr
    passing = working_copy.copy_to(tmp_path / "passing")

    done = run(working_copy, "regressions", slow=tmp_path)
    latency = row_of("latency", done.stdout)
    change = re.search(r"\+([0-9.]+) %", latency)
    assert change, latency
    assert float(change[1]) > 100
    # A guard rail sees what else the machine that runs the tests does; then it is no alarm.
    assert "worse, measured twice" in latency or "worse, but the machine was not quiet" in latency
    assert done.returncode == ("worse, measured twice" in done.stdout), done.stdout + done.stderr
    assert (working_copy.root / "logs/regressions.md").read_text().startswith("## Regressions\n")

    done = run(passing, "regressions")
    latency = row_of("latency", done.stdout)
    assert "not confirmed by a second measurement" in latency
    assert done.returncode == 0, done.stdout + done.stderr
