"""Tasks of lm-evaluation-harness through real runs of the workflow."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pyarrow.parquet as pq
import pytest
from harness_tasks import COUNT, write_suite, write_tasks
from working_copy import SCRIPTS, WorkingCopy

IS_THERE = find_spec("lm_eval") is not None
pytestmark = [
    pytest.mark.harness,
    pytest.mark.usefixtures("harness_caches"),
    pytest.mark.skipif(not IS_THERE, reason="lm-eval is not installed; make test-harness installs it"),
]


def run_pin(copy: WorkingCopy, name: str) -> None:
    command = [sys.executable, str(SCRIPTS / "pin_suite.py"), name, "--offline"]
    done = subprocess.run(command, cwd=copy.root, env=copy.environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert f"config/suites/{name}.yaml is pinned: {COUNT} items of {name} " in done.stdout


def test_a_run_asks_the_tasks_and_shows_them_under_their_standard_names(working_copy: WorkingCopy) -> None:
    copy, names = working_copy, ("sums_chosen", "sums_worded")
    write_tasks(copy.root / "tasks")
    for name in names:
        write_suite(copy.root / "config/suites", name, include_path="tasks")
    copy.edit_yaml("config/config.yaml", suites=["reasoning", *names], models=["yardstick-mini"])
    unpinned = copy.snakemake("ci_safe", "--dry-run").stderr
    assert "left out: suite sums_chosen: its task is not pinned yet; run: make pin-suite SUITE=sums_chosen" in unpinned
    for name in names:
        run_pin(copy, name)
    copy.snakemake("ci_safe")
    shards = {path.split("/")[0] for path in copy.shards()}
    assert {f"metric={name}{end}" for name in names for end in ("", "_answers")} <= shards
    document = json.loads((copy.root / "leaderboard/leaderboard.json").read_text())
    (row,) = document["rows"]
    assert row["suites"]["sums_chosen"]["n"] == row["suites"]["sums_worded"]["n"] == COUNT
    told = document["suites"]["sums_worded"]
    assert told["title"] == "sums_worded (exact_match)"
    assert "lm-evaluation-harness 0.4.13: sums_worded, version 2.0, 0-shot, exact_match" in told["description"]
    assert "sums\\_worded (exact\\_match)" in (copy.root / "leaderboard/LEADERBOARD.md").read_text()
    assert "sums_chosen-00003" in (copy.root / "leaderboard/index.html").read_text()
    assert "nothing to be done" in copy.snakemake("ci_safe").stderr
    (path,) = [path for path in copy.shards() if path.startswith("metric=sums_chosen/")]
    # This process does not know the copy's suites, so the file is read as any reader would.
    metadata = pq.read_schema(copy.root / "results" / path).metadata[b"yardstick"]
    stored = json.loads(metadata)["identity"]["definition"]["expected"]["lm_eval"]
    assert (stored["lm_eval"], stored["versions"], stored["metric"]) == ("0.4.13", {"sums_chosen": "1.0"}, "acc")
    # Another version of the task scores again, and asks the model nothing.
    before = copy.shards()
    task = copy.root / "tasks/sums_chosen.yaml"
    task.write_text(task.read_text().replace("version: 1.0", "version: 1.1"))
    run_pin(copy, "sums_chosen")
    copy.snakemake("ci_safe")
    assert {path.split("/")[0] for path in copy.shards() - before} == {"metric=sums_chosen"}


def test_data_that_went_missing_costs_its_suite_alone(working_copy: WorkingCopy) -> None:
    copy = working_copy
    write_tasks(copy.root / "tasks")
    write_suite(copy.root / "config/suites", "sums_worded", include_path="tasks")
    copy.edit_yaml("config/config.yaml", suites=["reasoning", "sums_worded"], models=["yardstick-mini"])
    run_pin(copy, "sums_worded")
    (copy.root / "tasks/sums.jsonl").unlink()
    done = copy.snakemake("ci_safe", check=False)
    assert done.returncode != 0
    line = "suite sums_worded: task sums_worded: its data set is not on this machine"
    assert line in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert any(path.startswith("metric=reasoning/") for path in copy.shards())
