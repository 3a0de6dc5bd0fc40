"""How SLURM jobs ended, in words, and whether trying again can help."""

from __future__ import annotations

import os
import re
from pathlib import Path

from yardstick.paths import LOGS
from yardstick.slurm.ledger import Events, Job

_WORDS = {
    "BOOT_FAIL": "did not start, because its node failed to boot",
    "CANCELLED": "was cancelled",
    "DEADLINE": "could not end before its deadline",
    "FAILED": "failed",
    "GONE": "ended without its result, and SLURM has forgotten how",
    "NODE_FAIL": "was lost, because its node failed",
    "OUT_OF_MEMORY": "ran out of memory",
    "PREEMPTED": "was preempted by another job",
    "REVOKED": "was revoked",
    "TIMEOUT": "reached its time limit",
}
# What more memory, more time or another node can cure. A job that somebody cancelled is left alone.
_CURABLE = {"BOOT_FAIL", "GONE", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT"}
# What SLURM writes into a job's output when it, or the kernel, kills for memory and the state is only FAILED.
_MEMORY_KILL = re.compile(r"oom[-_ ]kill|out of memory|exceeded (?:job|step) memory limit|exceeded memory limit", re.I)
_TAIL_BYTES = 20_000


def final_state(state: str, log: Path) -> str:
    """Return the state of an ended job, with memory named as the cause where only the log tells it."""
    if state == "FAILED" and _MEMORY_KILL.search(_tail(log)):
        return "OUT_OF_MEMORY"
    return state


def is_worth_another_try(job: Job, *, has_said_why: bool) -> bool:
    """Tell whether a job that failed may go better with more memory or time, or elsewhere.

    Args:
        job: the job that failed.
        has_said_why: whether its measurement wrote an error of its own, which another try would only repeat.
    """
    return job.state in _CURABLE or (job.state == "FAILED" and not has_said_why)


def describe(job: Job) -> str:
    """Return one line on how a job ended, with its number."""
    words = f"SLURM job {job.id} {_WORDS.get(job.state, f'is {job.state.lower()}')}"
    if job.state == "OUT_OF_MEMORY" and job.memory_mb:
        return f"{words} ({job.memory_mb} MB)"
    if job.state == "TIMEOUT" and job.minutes:
        return f"{words} ({job.minutes} minutes)"
    if job.state in ("NODE_FAIL", "BOOT_FAIL") and job.node:
        return f"{words} ({job.node})"
    return words


def explain(events: Events, shard: str) -> tuple[str, str] | None:
    """Return why a shard is missing and the log that tells more, or None when SLURM has nothing to do with it."""
    job = events.last_job(shard)
    if job is None:
        reason = events.refusals.get(shard)
        return (f"SLURM did not take the job: {reason}", "") if reason else None
    if job.state == "COMPLETED":
        return None
    if job.state == "FAILED" and (reason := own_reason(shard)):
        return f"{reason} (SLURM job {job.id})", str(measurement_logs(shard)[0])
    return describe(job), os.path.relpath(job.log)


def measurement_logs(shard: str) -> list[Path]:
    """Return the log of the measurement of a shard, or nothing when it never began."""
    return list(LOGS.glob(f"*/{shard}.log"))


def own_reason(shard: str) -> str | None:
    """Return the error that the measurement of a shard wrote itself, or None."""
    lines = [line for log in measurement_logs(shard) for line in _tail(log).splitlines()]
    return next((line.removeprefix("error: ") for line in reversed(lines) if line.startswith("error: ")), None)


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
