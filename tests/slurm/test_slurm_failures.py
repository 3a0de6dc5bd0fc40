"""Jobs that SLURM ends: each is named with its number and log, tried again where that helps, and resumed by the same command."""

from __future__ import annotations

import re

import pytest
from slurm_copy import SlurmCopy

pytestmark = pytest.mark.slurm

# One job per model: its answers, which share the node.
ANSWERS = ("ci_safe", "--until", "answer_suite")


def summary(output: str) -> str:
    """Return the list at the end of a run that failed."""
    return output[output.index("wanted results are missing:") :]


def named_log(copy: SlurmCopy, line: str) -> str:
    """Return the content of the log that a line of the summary names."""
    return (copy.root / re.search(r"\(log: (.+?)\)", line)[1]).read_text()


def test_more_memory_and_time_are_given_and_named_if_they_are_not_enough(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(late={"memory_mb": 1100}, small={"memory_mb": 420}, tiny={"memory_mb": 1})
    slurm_copy.site(machine="test-node", threads=2, cluster={"minutes": 1, "memory_mb": 49})
    with slurm_copy.held_back() as let_go, slurm_copy.running(*ANSWERS) as run:
        slurm_copy.wait_for_waiting("late")
        (late,) = slurm_copy.jobs("late")
        slurm_copy.cluster.wait_for(lambda: slurm_copy.jobs("late")[late] == "TIMEOUT", 150)
        let_go()
        assert run.wait() == 1
    assert slurm_copy.asked("late", "%l") == ["1:00", "2:00"]
    assert slurm_copy.asked("small", "%m") == ["450M", "900M"]
    assert slurm_copy.asked("tiny", "%m") == ["50M", "100M"]
    assert {path.split("/")[1] for path in slurm_copy.shards()} == {"model=late", "model=small"}
    told = summary(run.output)
    (_, tiny) = slurm_copy.jobs("tiny")
    line = re.search(rf"reasoning_answers tiny: SLURM job {tiny} ran out of memory \(100 MB\).*", told)
    assert line
    assert "xceeded" in named_log(slurm_copy, line[0])
    assert "reasoning_answers small" not in told


def test_preempted_then_lost_with_its_node_then_resumed(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(moved={}, stopped={})
    cluster = slurm_copy.cluster
    with slurm_copy.held_back() as let_go, slurm_copy.running(*ANSWERS, "--slurm-no-requeue") as run:
        slurm_copy.wait_for_waiting("moved", "stopped")
        (stopped,) = slurm_copy.jobs("stopped")
        cluster.run("scancel", stopped)
        (first,) = slurm_copy.jobs("moved")
        urgent = ["sbatch", "--parsable", "-p", "urgent", "--exclusive", "--mem=0", "--wrap", "true", "-o", "/dev/null"]
        cluster.run(*urgent)
        cluster.wait_for(lambda: slurm_copy.jobs("moved")[first] == "PREEMPTED", 30)
        slurm_copy.wait_for_waiting("moved")
        cluster.run("scontrol", "update", f"nodename={cluster.host}", "state=down", "reason=test")
        assert run.wait() == 1
        cluster.run("scontrol", "update", f"nodename={cluster.host}", "state=resume", check=False)
        cluster.wait_for(cluster.is_idle, 60)
        told = summary(run.output)
        assert list(slurm_copy.jobs("stopped")) == [stopped]
        assert f"reasoning_answers stopped: SLURM job {stopped} was cancelled" in told
        _, second = slurm_copy.jobs("moved")
        line = re.search(rf"reasoning_answers moved: SLURM job {second} was lost, because its node failed.*", told)
        assert line
        assert "waits: this machine is measuring" in named_log(slurm_copy, line[0])
        let_go()
        slurm_copy.snakemake(*ANSWERS)
    assert len(slurm_copy.shards()) == 2


def test_a_job_that_sees_another_kind_of_node_refuses_and_is_not_tried_again(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(mini={})
    slurm_copy.site(machine="test-node", threads=2, cluster={"minutes": 5, "hardware": "another-4c-8gb"})
    done = slurm_copy.snakemake(*ANSWERS, check=False)
    assert done.returncode == 1
    (job,) = slurm_copy.jobs("mini")
    told = summary(done.stderr)
    assert "machine label 'test-node' stands for another-4c-8gb, but this node is" in told
    assert f"(SLURM job {job})" in told
    assert slurm_copy.shards() == set()


def test_a_job_that_slurm_does_not_take_is_named(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(mini={})
    done = slurm_copy.snakemake(*ANSWERS, "--default-resources", "slurm_partition=nowhere", check=False)
    assert done.returncode == 1
    assert "reasoning_answers mini: SLURM did not take the job: " in summary(done.stderr)
    assert "invalid partition specified: nowhere" in summary(done.stderr)
