"""Runs that are killed, and controllers that go away: no job runs twice, no shard is lost, no run hangs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from slurm_copy import SlurmCopy
from yardstick.slurm import status
from yardstick.slurm.ledger import Ledger, job_name
from yardstick.slurm.run import stand_in_front

pytestmark = pytest.mark.slurm

ANSWERS = ("ci_safe", "--until", "answer_suite")


def test_a_killed_run_is_taken_up_and_a_controller_may_be_away(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(one={}, two={})
    with slurm_copy.held_back() as let_go:
        with slurm_copy.running(*ANSWERS) as run:
            slurm_copy.wait_for_waiting("one", "two")
            run.kill()
        jobs = slurm_copy.jobs()
        with slurm_copy.running(*ANSWERS) as run:
            run.wait_for_line("2 SLURM jobs of an earlier run go on; they are taken up, not submitted again")
            slurm_copy.cluster.stop_controller()
            # Status queries fail meanwhile, more often than the executor tries; jobs end while nobody sees it.
            let_go()
            slurm_copy.cluster.wait_for(lambda: len(slurm_copy.shards()) == 2, 60)
            slurm_copy.cluster.start_controller()
            assert run.wait() == 0
    assert slurm_copy.jobs() == dict.fromkeys(jobs, "COMPLETED")


def test_a_shard_that_was_finished_without_its_run_counts(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(mini={})
    with slurm_copy.held_back() as let_go:
        with slurm_copy.running(*ANSWERS) as run:
            slurm_copy.wait_for_waiting("mini")
            run.kill()
        let_go()
        slurm_copy.cluster.wait_for(lambda: set(slurm_copy.jobs().values()) == {"COMPLETED"}, 90)
    slurm_copy.snakemake("ci_safe", "--until", "score_suite")
    assert len(slurm_copy.jobs()) == 1
    assert {path.split("/")[0] for path in slurm_copy.shards()} == {"metric=reasoning_answers", "metric=reasoning"}


def test_a_run_ends_when_slurm_stays_silent_and_the_next_takes_its_jobs_up(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(mini={})
    slurm_copy.site(machine="test-node", threads=2, cluster={"minutes": 5, "silence_minutes": 0.25})
    with slurm_copy.held_back() as let_go:
        with slurm_copy.running(*ANSWERS) as run:
            slurm_copy.wait_for_waiting("mini")
            slurm_copy.cluster.stop_controller()
            try:
                assert run.wait(120) == 1
            finally:
                slurm_copy.cluster.start_controller()
            assert "SLURM has not answered for" in run.output
            assert "the same command takes them up again" in run.output
        let_go()
        slurm_copy.snakemake(*ANSWERS)
    assert list(slurm_copy.jobs().values()) == ["COMPLETED"]


def test_an_interrupted_run_cancels_its_jobs(slurm_copy: SlurmCopy) -> None:
    slurm_copy.keep_models(mini={})
    with slurm_copy.held_back(), slurm_copy.running(*ANSWERS) as run:
        slurm_copy.wait_for_waiting("mini")
        run.interrupt()
        assert run.wait(60) != 0
        slurm_copy.cluster.wait_for(lambda: set(slurm_copy.jobs().values()) == {"CANCELLED"}, 30)


def test_a_forgotten_job_is_judged_by_its_shard(slurm_copy: SlurmCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in slurm_copy.cluster.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(slurm_copy.root)
    stand_in_front()
    done, lost = (f"mini/test-node/{digit * 16}-{digit * 16}" for digit in "ab")
    shard = Path("results/metric=latency/model=mini/machine=test-node") / f"{'a' * 16}-{'a' * 16}.parquet"
    shard.parent.mkdir(parents=True)
    shard.touch()
    ledger = Ledger(Path("ledger.jsonl").absolute())
    for number, key in (("99999901", done), ("99999902", lost)):
        ledger.add(event="submitted", id=number, shard=key, log=os.devnull)
    told = status.refresh(ledger, job_name(Path()))
    assert told == {"99999901": "COMPLETED", "99999902": "UNKNOWN"}
    assert ledger.read().jobs["99999902"].state == "GONE"
