"""The benchmark workflow, run job by job and step by step against a repository on disk."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from actions_project import add_borderline_models, next_run, push
from workflow_runner import GitHub, git
from working_copy import WorkingCopy
from yardstick.publishing.request import iso_week
from yardstick.shard_paths import list_shards
from yardstick.shards import read_shard

# Measuring waits while another run on this machine measures.
pytestmark = pytest.mark.timeout(900)

METRICS = {"reasoning_answers", "reasoning", "latency", "throughput", "memory", "concurrency", "long_text"}
ALL_DONE = {"ci_safe": "success", "ci_borderline": "skipped", "publish": "success", "page": "success"}
ONE_FAILED = {**ALL_DONE, "ci_borderline": "failure"}


def published(github: GitHub) -> set[tuple[str, str, str]]:
    """Return (metric, model, machine) of the shards on the main branch."""
    parts = [path.split("/")[1:4] for path in github.files() if path.startswith("results/")]
    return {tuple(part.partition("=")[2] for part in names) for names in parts}  # type: ignore[misc]


def epochs(github: GitHub) -> set[str]:
    """Return the epochs of the latency shards that were published."""
    results = github.home / "jobs/page/results"
    paths = [path for path in list_shards(results).sizes if path.metric == "latency"]
    return {read_shard(results, path).identity["environment"]["epoch"] for path in paths}


def of(*models: str) -> set[tuple[str, str, str]]:
    return {(metric, model, "github-test") for metric in METRICS for model in models}


def test_a_run_publishes_one_commit_of_the_bot_and_the_page(github: GitHub) -> None:
    before = github.tip()
    assert github.run("benchmark.yml") == ALL_DONE, github.output
    assert published(github) == of("yardstick-mini")
    assert git(github.origin, "rev-parse", "main^") == before
    assert git(github.origin, "log", "-1", "--format=%an", "main") == "github-actions[bot]"
    changed = git(github.origin, "diff", "--name-only", before, "main").splitlines()
    assert {path.split("/")[0] for path in changed} == {"results", "leaderboard"}
    assert "| yardstick-mini |" in github.summary()
    assert "| yardstick-mini |" in (github.home / "page/LEADERBOARD.md").read_text()
    assert "yardstick-mini" in (github.home / "page/index.html").read_text()
    assert list((github.home / "artifacts/logs-ci_safe").rglob("*.log"))


@pytest.mark.slow
def test_a_second_run_changes_nothing_and_makes_no_commit(github: GitHub) -> None:
    github.run("benchmark.yml")
    tip = github.tip()
    next_run(github)
    assert github.run("benchmark.yml") == ALL_DONE
    assert github.tip() == tip
    assert "nothing to be done" in github.output["ci_safe-measure"]
    assert "nothing has changed" in github.output["publish"]


@pytest.mark.slow
def test_a_model_that_fails_costs_the_others_nothing_and_the_run_fails(project: WorkingCopy, github: GitHub) -> None:
    add_borderline_models(project)
    push(project, "Add models")
    github.expressions["inputs.tier"] = "both"
    assert github.run("benchmark.yml") == ONE_FAILED
    assert published(github) == of("yardstick-mini", "borderline")
    assert "broken" in github.output["ci_borderline-measure"]
    assert "| borderline |" in github.summary()
    for tier in ("ci_safe", "ci_borderline"):
        assert list((github.home / f"artifacts/logs-{tier}").rglob("*.log"))
    next_run(github)
    tip = github.tip()
    assert github.run("benchmark.yml") == ONE_FAILED
    assert github.tip() == tip


@pytest.mark.slow
def test_results_that_could_not_be_pushed_are_not_measured_again(github: GitHub) -> None:
    closed = github.origin / "hooks/pre-receive"
    closed.write_text("#!/bin/sh\necho closed >&2\nexit 1\n")
    closed.chmod(0o755)
    tip = github.tip()
    assert github.run("benchmark.yml") == {**ALL_DONE, "publish": "failure", "page": "skipped"}
    assert "error: main cannot be pushed to" in github.output["publish"]
    assert github.tip() == tip
    closed.unlink()
    next_run(github)
    assert github.run("benchmark.yml") == ALL_DONE
    assert "6 results of an earlier run that were not published" in github.output["ci_safe-measure"]
    assert "latency yardstick-mini: begins" not in github.output["ci_safe-measure"]
    assert published(github) == of("yardstick-mini")


@pytest.mark.slow
def test_a_push_race_is_won_on_the_second_attempt(
    project: WorkingCopy, github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other commit comes between the bot's fetch and its push, by way of a hook that runs there."""
    (project.root / "README.md").write_text("Another commit.\n")
    git(project.root, "add", "README.md")
    git(project.root, "commit", "--quiet", "--message", "Another")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    once = tmp_path / "once"
    hook = hooks / "pre-push"
    hook.write_text(
        f'#!/bin/sh\n[ -e "{once}" ] && exit 0\ntouch "{once}"\n'
        f'exec git --git-dir="{project.root}/.git" push --quiet --no-verify "{github.origin}" HEAD:main\n'
    )
    hook.chmod(0o755)
    github.environment |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": str(hooks),
    }
    assert github.run("benchmark.yml") == ALL_DONE
    assert "main moved while this was built; attempt 1 of 5" in github.output["publish"]
    assert git(github.origin, "log", "-2", "--format=%s", "main").splitlines()[1] == "Another"
    assert "README.md" in github.files()
    assert published(github) == of("yardstick-mini")


@pytest.mark.slow
def test_a_scheduled_run_measures_anew_under_its_week_and_resumes_in_it(project: WorkingCopy, github: GitHub) -> None:
    # Timings of a busy test machine differ from run to run; that is not what is tested here.
    project.replace("Makefile", "\t@$(BIN)/python scripts/watch_tier.py\n", "\t@true\n")
    push(project, "Do not compare")
    github.run("benchmark.yml")
    github.expressions["github.event_name == 'schedule' && 'week' || inputs.epoch"] = "week"
    before = {path for path in github.files() if path.startswith("results/")}
    next_run(github)
    assert github.run("benchmark.yml") == ALL_DONE
    after = {path for path in github.files() if path.startswith("results/")}
    assert before < after
    assert len(after) == 2 * len(before)
    assert epochs(github) == {"", iso_week(datetime.now(UTC).date())}
    next_run(github)
    tip = github.tip()
    assert github.run("benchmark.yml") == ALL_DONE
    assert github.tip() == tip


@pytest.mark.slow
def test_a_broken_file_that_was_handed_over_is_named_and_the_rest_is_published(
    project: WorkingCopy, github: GitHub
) -> None:
    push_nothing = github.origin / "hooks/pre-receive"
    push_nothing.write_text("#!/bin/sh\nexit 1\n")
    push_nothing.chmod(0o755)
    github.run("benchmark.yml")
    push_nothing.unlink()
    artifact = github.home / "artifacts/results-ci_safe"
    broken = next(artifact.rglob("metric=memory/**/*.parquet"))
    broken.write_bytes(broken.read_bytes()[:-9])
    machine = github.home / "jobs/publish"
    shutil.rmtree(machine / "resources/handover")
    shutil.copytree(artifact, machine / "resources/handover")
    assert not github.step("again", machine, {}, {"run": "make publish"}, {})
    assert "refused: results/metric=memory/model=yardstick-mini/" in github.output["again"]
    assert published(github) == {row for row in of("yardstick-mini") if row[0] != "memory"}
