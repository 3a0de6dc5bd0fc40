"""Real runs on the embedded models: exactly what changed is measured again, and nothing else."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from working_copy import WorkingCopy

MODELS = ("yardstick-base", "yardstick-mini")
METRICS = {"reasoning_answers", "reasoning", "latency", "throughput", "memory", "concurrency", "long_text"}


def new_shards(copy: WorkingCopy, before: set[str]) -> set[tuple[str, str]]:
    """Return (metric, model) of the shards that came since ``before``."""
    parts = [path.split("/") for path in copy.shards() - before]
    return {(metric.removeprefix("metric="), model.removeprefix("model=")) for metric, model, *_ in parts}


def measured_models(copy: WorkingCopy) -> set[str]:
    rows = json.loads((copy.root / "leaderboard/leaderboard.json").read_text())["rows"]
    return {row["model"] for row in rows}


def test_ci_safe_measures_every_metric_of_the_embedded_models(finished: WorkingCopy) -> None:
    assert new_shards(finished, set()) == {(metric, model) for metric in METRICS for model in MODELS}
    assert measured_models(finished) == set(MODELS)
    assert {"LEADERBOARD.md", "index.html", "leaderboard.csv", "leaderboard.json"} == {
        path.name for path in (finished.root / "leaderboard").iterdir()
    }


def test_a_fresh_clone_measures_nothing_and_shows_the_leaderboard(finished: WorkingCopy) -> None:
    before = finished.shards()
    done = finished.snakemake("ci_safe")
    assert finished.shards() == before
    assert "nothing to be done" in done.stderr
    assert "yardstick-base" in done.stdout


def test_models_that_need_the_hub_are_left_out_with_a_line_each(finished: WorkingCopy) -> None:
    lines = finished.snakemake("ci_safe").stderr.splitlines()
    left_out = [line for line in lines if line.startswith("left out: ")]
    assert [line.split(": ")[1] for line in left_out] == ["distilgpt2", "gpt2", "smollm2-135m-instruct"]


def test_models_worth_running_are_recommended_from_what_was_measured(finished: WorkingCopy) -> None:
    before = finished.shards()
    done = finished.snakemake("recommend", "--config", "memory_gb=8", "min_reasoning=0")
    assert "2 of 2 results measured on test-machine keep memory_gb=8, min_reasoning=0" in done.stdout
    assert "least memory" in done.stdout
    assert finished.shards() == before


def test_an_impossible_limit_is_one_line(finished: WorkingCopy) -> None:
    done = finished.snakemake("recommend", "--config", "min_reasoning=2", check=False)
    assert done.returncode == 1
    assert "min_reasoning" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_of_another_tier_is_named(finished: WorkingCopy) -> None:
    done = finished.snakemake("ci_safe", "--config", "models=yardstick-mini,phi-2")
    assert "left out: phi-2: it is in tier local_only; run: snakemake --cores 1 local_only" in done.stderr
    assert "distilgpt2" not in done.stderr


def test_strict_makes_a_model_that_cannot_run_an_error(finished: WorkingCopy) -> None:
    done = finished.snakemake("ci_safe", "--config", "strict=true", check=False)
    assert done.returncode == 1
    assert "error: distilgpt2: " in done.stderr
    assert "Traceback" not in done.stderr


def test_shuffled_file_times_decide_nothing(finished: WorkingCopy) -> None:
    before = finished.shards()
    files = [path for path in finished.root.rglob("*") if path.is_file()]
    for path in files:
        moment = random.Random(str(path)).uniform(1e9, 1.7e9)
        os.utime(path, (moment, moment))
    assert "nothing to be done" in finished.snakemake("ci_safe").stderr
    assert finished.shards() == before


def test_a_protocol_number_measures_its_metric_again(finished: WorkingCopy) -> None:
    before = finished.shards()
    finished.edit_yaml("config/config.yaml", protocol__latency__max_new_tokens=9)
    status = finished.snakemake("status", "--config", "models=yardstick-mini").stdout
    assert "wanted      latency yardstick-mini: protocol.max_new_tokens 8 -> 9" in status
    assert "up to date  throughput yardstick-mini" in status
    finished.snakemake("ci_safe")
    assert new_shards(finished, before) == {("latency", model) for model in MODELS}


def test_a_keyword_scores_again_and_runs_no_model(finished: WorkingCopy) -> None:
    before = finished.shards()
    finished.replace("config/suites/reasoning.yaml", '["younger"]', '["younger", "less old"]')
    finished.snakemake("ci_safe")
    assert new_shards(finished, before) == {("reasoning", model) for model in MODELS}


def test_a_display_field_changes_the_leaderboard_alone(finished: WorkingCopy) -> None:
    before = finished.shards()
    finished.edit_yaml("config/models.yaml", models__0__parameters=123)
    done = finished.snakemake("ci_safe")
    assert finished.shards() == before
    assert "nothing to be done" not in done.stderr
    assert '"parameters": 123' in (finished.root / "leaderboard/leaderboard.json").read_text()


def test_a_removed_model_leaves_the_leaderboard_and_runs_nothing(finished: WorkingCopy) -> None:
    before = finished.shards()
    finished.replace("config/models.yaml", "id: yardstick-mini", "id: another-mini")
    finished.snakemake("leaderboard")
    assert finished.shards() == before
    assert measured_models(finished) == {"yardstick-base"}


def test_a_deleted_leaderboard_is_built_again(finished: WorkingCopy) -> None:
    file = finished.root / "leaderboard/LEADERBOARD.md"
    text = file.read_bytes()
    file.unlink()
    finished.snakemake("ci_safe")
    assert file.read_bytes() == text


def test_a_deleted_shard_is_measured_again_alone(finished: WorkingCopy) -> None:
    shard = next(path for path in sorted(finished.shards()) if path.startswith("metric=memory/model=yardstick-mini"))
    before = finished.shards() - {shard}
    (finished.root / "results" / shard).unlink()
    finished.snakemake("ci_safe")
    assert new_shards(finished, before) == {("memory", "yardstick-mini")}
    assert shard in finished.shards()


def test_an_epoch_measures_everything_anew_and_keeps_the_old(finished: WorkingCopy) -> None:
    before = finished.shards()
    arguments = ("ci_safe", "--config", "epoch=2026-W30", "models=yardstick-mini")
    finished.snakemake(*arguments)
    assert new_shards(finished, before) == {(metric, "yardstick-mini") for metric in METRICS}
    assert before < finished.shards()
    assert "nothing to be done" in finished.snakemake(*arguments).stderr


def test_the_leaderboard_is_the_same_bytes_from_the_same_shards(finished: WorkingCopy, tmp_path: Path) -> None:
    other = finished.copy_to(tmp_path / "other-place")
    before = {path.name: path.read_bytes() for path in (finished.root / "leaderboard").iterdir()}
    other.snakemake("leaderboard", cores=2)
    assert {path.name: path.read_bytes() for path in (other.root / "leaderboard").iterdir()} == before


def test_a_dry_run_writes_nothing(working_copy: WorkingCopy) -> None:
    done = working_copy.snakemake("ci_safe", "--dry-run")
    assert "measure_latency" in done.stdout + done.stderr
    assert working_copy.shards() == set()
    assert not (working_copy.root / "leaderboard").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ci_safe", "--config", "models=no-such-model"), "no model 'no-such-model' in the registry"),
        (("ci_safe", "--config", "machine=../up"), "config/config.yaml: machine: '../up' is not valid"),
        (("ci_safe", "--config", "epoch=a/b"), "config/config.yaml: epoch: 'a/b' is not valid"),
        (("ci_safe", "--config", "tokens=3"), "config/config.yaml: tokens: is not a known field"),
        (("ci_safe", "--config", "threads=2"), "threads: 2 exceeds --cores 1"),
        (("no_such_target",), "No rule to produce no_such_target"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_clear_line(
    finished: WorkingCopy, arguments: tuple[str, ...], expected: str
) -> None:
    done = finished.snakemake(*arguments, check=False)
    assert done.returncode != 0
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (
            "config/models.yaml",
            "tier: ci_safe",
            "tier: ci_save",
            "config/models.yaml: entry 1 (yardstick-mini): tier: ",
        ),
        ("config/models.yaml", "models:", "models: [", "config/models.yaml: not valid YAML"),
        (
            "config/suites/reasoning.yaml",
            "accept:",
            "acept:",
            "config/suites/reasoning.yaml: entry 1 (add-two-numbers)",
        ),
        (
            "config/config.yaml",
            "least_runs: 3",
            "least_runs: many",
            "config/config.yaml: protocol.throughput.least_runs: 'many'",
        ),
    ],
)
def test_a_mistake_in_a_file_is_one_clear_line(
    finished: WorkingCopy, path: str, old: str, new: str, expected: str
) -> None:
    finished.replace(path, old, new)
    done = finished.snakemake("ci_safe", check=False)
    assert done.returncode == 1
    assert next(line for line in done.stderr.splitlines() if "error: " in line).startswith(f"error: {expected}")
    assert "Traceback" not in done.stderr


def test_a_second_run_at_the_same_time_is_told_who_works_here(working_copy: WorkingCopy) -> None:
    command = working_copy.command("ci_safe")
    options = {"cwd": working_copy.root, "env": working_copy.environment(), "text": True}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    runs = [subprocess.Popen(command, **options, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    printed = [run.communicate(timeout=200)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 1]
    refused = next(text for run, text in zip(runs, printed, strict=True) if run.returncode)
    assert "error: another run works in this folder (process " in refused
