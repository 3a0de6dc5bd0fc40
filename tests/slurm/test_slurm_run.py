"""Runs on a real SLURM that go well, and mistakes that are told before anything is submitted."""

from __future__ import annotations

import json

import pytest
from slurm_copy import SlurmCopy
from yardstick.machine import machine_facts
from yardstick.shard_paths import parse_shard_path
from yardstick.shards import read_shard

pytestmark = pytest.mark.slurm


def test_a_model_is_measured_by_jobs_and_a_second_run_finds_nothing_to_do(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(mini={"gpus": 1})
    slurm_copy.snakemake("ci_safe")
    shards = [parse_shard_path(path) for path in slurm_copy.shards()]
    assert {shard.metric for shard in shards} == {
        "reasoning_answers",
        "reasoning",
        "latency",
        "throughput",
        "memory",
        "concurrency",
        "long_text",
    }
    assert {shard.machine for shard in shards} == {"test-node"}
    latency = next(shard for shard in shards if shard.metric == "latency")
    run = read_shard(slurm_copy.root / "results", latency).run
    assert (run["threads"], run["machine"]["cpu"]) == (2, machine_facts()["cpu"])
    rows = json.loads((slurm_copy.root / "leaderboard/leaderboard.json").read_text())["rows"]
    assert [row["model"] for row in rows] == ["mini"]
    _check_requests(slurm_copy)

    again = slurm_copy.snakemake("ci_safe")
    assert "nothing to be done" in again.stderr
    assert len(slurm_copy.jobs()) == 6


def _check_requests(copy: SlurmCopy) -> None:
    """One job per shard, with the memory, time and GPUs of the model; timing jobs have the node alone."""
    jobs = copy.jobs("mini")
    assert list(jobs.values()) == ["COMPLETED"] * 6
    shown = [copy.cluster.run("scontrol", "show", "job", job) for job in jobs]
    alone = [text for text in shown if "OverSubscribe=NO" in text]
    assert len(alone) == 5
    assert "answer_suite" in next(text for text in shown if text not in alone)
    for text in shown:
        assert "TimeLimit=00:05:00" in text
        assert "MinMemoryNode=1073M" in text
        assert "gres/gpu=1" in text or "gres:gpu:1" in text
        assert "JobName=yardstick-" in text


def test_a_dry_run_plans_the_same_jobs(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(mini={})
    done = slurm_copy.snakemake("--dry-run", "ci_safe")
    assert "machine=test-node" in done.stdout + done.stderr
    assert "slurm_extra=--exclusive" in done.stdout + done.stderr
    assert slurm_copy.jobs() == {}


def test_a_target_that_measures_where_it_runs_is_refused(slurm_copy: SlurmCopy) -> None:
    done = slurm_copy.snakemake("regressions", check=False)
    assert done.returncode == 1
    assert "error: this target measures where it runs; submit it as one job" in done.stderr


@pytest.mark.parametrize(
    ("site", "line"),
    [
        ({"threads": 2}, "error: config/config.yaml: machine: auto means this machine, but jobs go to others"),
        (
            {"machine": "test-node", "threads": "cores"},
            "error: config/config.yaml: threads: jobs on other machines need a",
        ),
        (
            {"machine": "test-node", "threads": 2, "cluster": {"minutes": 0}},
            "error: config/config.yaml: cluster.minutes",
        ),
    ],
)
def test_settings_that_mean_nothing_on_a_cluster_are_refused(
    slurm_copy: SlurmCopy, site: dict[str, object], line: str
) -> None:
    slurm_copy.edit_yaml("config/config.yaml", machine="auto")
    slurm_copy.site(**site)
    done = slurm_copy.snakemake("ci_safe", check=False)
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert slurm_copy.jobs() == {}
