"""What holds for every workflow file, and what the linters find in one that is wrong."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from workflow_runner import GitHub, load_workflow
from working_copy import ROOT, WorkingCopy

FOLDER = ROOT / ".github/workflows"
FILES = sorted(FOLDER.glob("*.yml"))
_PINNED = re.compile(r"uses: actions/[a-z-]+(/[a-z]+)?@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
_TARGETS = set(re.findall(r"^([a-z_-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in FILES:
        for name, job in load_workflow(file)["jobs"].items():
            yield f"{file.stem}.{name}", job


def steps() -> Iterator[dict[str, Any]]:
    for _, job in jobs():
        yield from job.get("steps", [])


def test_the_workflows_are_all_here() -> None:
    assert [file.stem for file in FILES] == ["benchmark", "contribution", "measure", "tests"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_has_no_right_that_a_job_does_not_ask_for(file: Path) -> None:
    workflow = load_workflow(file)
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())
    assert "pull_request_target" not in workflow["on"]
    assert "workflow_run" not in workflow["on"]


def test_one_job_writes_contents_and_one_deploys() -> None:
    writing = {(name, right) for name, job in jobs() for right, level in job["permissions"].items() if level == "write"}
    assert writing == {("benchmark.publish", "contents"), ("benchmark.page", "pages"), ("benchmark.page", "id-token")}


def test_the_job_that_writes_checks_out_the_default_branch_alone() -> None:
    job = dict(jobs())["benchmark.publish"]
    checkouts = [step["with"] for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert checkouts == [{"ref": "main", "persist-credentials": False}]


def test_every_job_has_a_time_limit() -> None:
    assert {name for name, job in jobs() if "timeout-minutes" not in job} == {
        "benchmark.ci_safe",
        "benchmark.ci_borderline",
    }
    limits = {name: job["with"]["minutes"] for name, job in jobs() if "uses" in job}
    assert limits == {"benchmark.ci_safe": 60, "benchmark.ci_borderline": 300}


def test_every_action_is_pinned_to_a_commit() -> None:
    lines = [line.strip() for file in FILES for line in file.read_text().splitlines() if "uses: actions/" in line]
    assert lines
    assert [line for line in lines if not _PINNED.search(line)] == []


def test_one_action_has_one_version() -> None:
    used = {step["uses"] for step in steps() if "uses" in step}
    assert len({use.split("@")[0] for use in used}) == len(used)


def test_steps_call_make_targets_and_no_expression_reaches_a_shell() -> None:
    commands = [step["run"] for step in steps() if "run" in step]
    assert commands
    for command in commands:
        make, *targets = command.split()
        assert make == "make"
        assert set(targets) <= _TARGETS


def test_no_checkout_keeps_its_credentials() -> None:
    checkouts = [step for step in steps() if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_benchmark_starts_on_what_changes_results_weekly_and_by_hand() -> None:
    triggers = load_workflow(FOLDER / "benchmark.yml")["on"]
    assert triggers["push"] == {
        "branches": ["main"],
        "paths": ["config/**", "workflow/**", "scripts/**", "envs/**"],
    }
    assert triggers["schedule"] == [{"cron": "0 2 * * 0"}]
    assert triggers["workflow_dispatch"]["inputs"].keys() == {"tier", "models", "epoch"}


def test_a_benchmark_waits_for_one_of_its_kind_and_displaces_none_of_another() -> None:
    assert load_workflow(FOLDER / "benchmark.yml")["concurrency"] == {
        "group": "benchmark-${{ github.event_name }}",
        "cancel-in-progress": False,
    }


def test_the_check_of_contributions_starts_on_all_that_counts_as_a_result() -> None:
    triggers = load_workflow(FOLDER / "contribution.yml")["on"]
    assert triggers == {"pull_request": {"paths": ["results/**", "history/**"]}}


def test_tests_run_on_every_supported_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    job = dict(jobs())["tests.test"]
    first, *_ = versions = job["strategy"]["matrix"]["python"]
    assert project["requires-python"] == f">={first}"
    assert versions == [f"3.{minor}" for minor in range(11, 11 + len(versions))]
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make lint test"]


def test_what_was_finished_is_handed_over_published_and_logged_after_a_failure() -> None:
    steps = dict(jobs())["measure.measure"]["steps"]
    after = steps[next(place for place, step in enumerate(steps) if step.get("run") == "make measure") + 1 :]
    assert [step["if"].startswith("${{ !cancelled()") for step in after] == [True] * 6
    assert dict(jobs())["benchmark.publish"]["if"] == "${{ !cancelled() }}"
    assert not any("continue-on-error" in step for step in steps)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("run: make measure", "run: make measure MODELS=${{ inputs.models }}", "template-injection"),
        ("timeout-minutes: 350", "timeout-minuts: 350", "timeout-minuts"),
        (
            "actions/cache/save@cdf6c1fa76f9f475f3d7449005a359c84ca0f306 # v5.0.3",
            "actions/cache/save@v5",
            "unpinned-uses",
        ),
        ("${{ inputs.minutes }}", "${{ inputs.hours }}", "hours"),
    ],
)
def test_the_linters_find_a_mistake(project: WorkingCopy, github: GitHub, old: str, new: str, found: str) -> None:
    github._checkout(project.root.parent / "checkout", {"ref": "main", "persist-credentials": "False"})
    folder = project.root.parent / "checkout"
    command = ["make", "lint-workflows"]
    assert subprocess.run(command, cwd=folder, env=github.environment, capture_output=True, check=False).returncode == 0
    file = folder / ".github/workflows/measure.yml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    done = subprocess.run(command, cwd=folder, env=github.environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert found in done.stdout + done.stderr
