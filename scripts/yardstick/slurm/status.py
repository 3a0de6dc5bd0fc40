"""The project's `sacct`: tells the executor how its jobs are, with or without an accounting database.

The executor's own query never ends where there is no database, forgets all jobs when the controller is away for a
moment, and takes a preempted job for a running one. Here a controller that is away changes nothing, a shard that is
there counts for more than how its job ended, and a job that SLURM has forgotten is judged by its shard.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from yardstick.paths import RESULTS
from yardstick.slurm.ledger import ENDED, NAME_VARIABLE, Job, Ledger
from yardstick.slurm.outcomes import describe, final_state
from yardstick.slurm.programs import NoAnswerError, SeenJob, accounted_state, become_program, list_jobs

# What the executor knows as the end of a job; it would wait for ever on the others.
_TOLD = {"GONE": "UNKNOWN", "PREEMPTED": "CANCELLED", "REVOKED": "CANCELLED"}


def main(arguments: Sequence[str]) -> int:
    """Answer the executor's queries; hand any other on to SLURM's own program."""
    ledger, name = Ledger.of_environment(), os.environ.get(NAME_VARIABLE)
    if ledger is None or name is None:
        become_program("sacct", arguments, without=0)
    text = " ".join(arguments)
    if "--format=JobIdRaw,State" in text:
        print("".join(f"{job}|{state}\n" for job, state in refresh(ledger, name).items()), end="")
        return 0
    if "-j" in arguments and ("--format=Reason" in text or "nodelist" in text):
        job, _, step = arguments[list(arguments).index("-j") + 1].partition(".")
        known = ledger.read().jobs.get(job)
        if known and step in ("", "0"):
            print(describe(known) if "Reason" in text else known.node)
        return 0
    # Such as for the account that was used last: without a database there is none.
    return become_program("sacct", arguments, without=0)


def refresh(ledger: Ledger, name: str) -> dict[str, str]:
    """Ask SLURM, keep what is new in the ledger, and return number -> state as the executor takes it.

    When SLURM does not answer, nothing is returned: to the executor, all jobs are as they were.
    """
    # Read before asking: a job that is submitted meanwhile is not taken for one that SLURM forgot.
    jobs = ledger.read().jobs
    try:
        seen = {job.id: job for job in list_jobs(name)}
    except NoAnswerError:
        return {}
    heard_file(ledger).touch()
    told = {}
    for job in jobs.values():
        state, node = _state_now(job, seen)
        if (state, node) != (job.state, job.node):
            ledger.add(event="seen", id=job.id, state=state, node=node)
        told[job.id] = _TOLD.get(state, state)
    return told


def heard_file(ledger: Ledger) -> Path:
    """Return the file whose time says when SLURM answered last."""
    return ledger.path.with_suffix(".heard")


def _state_now(job: Job, seen: Mapping[str, SeenJob]) -> tuple[str, str]:
    if job.has_ended:
        return job.state, job.node
    now = seen.get(job.id)
    # "CANCELLED by 1000" names who did it.
    state = (now.state if now else accounted_state(job.id) or "GONE").split()[0]
    node = now.node if now else job.node
    if state in ENDED:
        # Written whole or not at all: what became of the job afterwards does not matter.
        state = "COMPLETED" if is_shard_there(job.shard) else final_state(state, Path(job.log))
    return state, node


def is_shard_there(shard: str) -> bool:
    """Tell whether a shard has been written."""
    model, machine, name = shard.split("/")
    return any(RESULTS.glob(f"metric=*/model={model}/machine={machine}/{name}.parquet"))
