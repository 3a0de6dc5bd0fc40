"""What a run knows of its SLURM jobs: one line per event, in a file that the run's programs share."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# Set for the run's programs, and through them for its jobs.
LEDGER_VARIABLE = "YARDSTICK_SLURM_LEDGER"
NAME_VARIABLE = "YARDSTICK_SLURM_NAME"

ENDED = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "GONE",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
}


@dataclass(frozen=True)
class Job:
    """A SLURM job of a run.

    Attributes:
        id: SLURM's number of it.
        shard: key of the shard that it makes, see `shard_key`.
        log: file with the output of the job as a whole, beside the log of the measurement.
        memory_mb: memory that was asked for, in SLURM's MB (2**20 bytes); none if not said.
        minutes: time limit that was asked for, none if not said.
        is_adopted: whether an earlier run submitted it.
        state: what SLURM said last; ``OUT_OF_MEMORY`` also where SLURM says only ``FAILED``, ``GONE`` when it forgot it.
        node: where it runs or ran.
    """

    id: str
    shard: str
    log: str
    memory_mb: int | None = None
    minutes: int | None = None
    is_adopted: bool = False
    state: str = "PENDING"
    node: str = ""

    @property
    def has_ended(self) -> bool:
        """Tell whether the job is over, well or badly."""
        return self.state in ENDED


@dataclass
class Events:
    """A ledger's content.

    Attributes:
        jobs: number -> job, in the order of submission.
        earlier: key of a shard -> number of a job of an earlier run that makes it.
        refusals: key of a shard -> why SLURM did not take a job for it.
    """

    jobs: dict[str, Job]
    earlier: dict[str, str]
    refusals: dict[str, str]

    def last_job(self, shard: str) -> Job | None:
        """Return the newest job for a shard, or None."""
        return next((job for job in reversed(self.jobs.values()) if job.shard == shard), None)


def shard_key(*, model: str, machine: str, definition: str, environment: str) -> str:
    """Return what names a shard in a job's comment; the definition stands for the metric, too."""
    return f"{model}/{machine}/{definition}-{environment}"


def job_name(folder: Path) -> str:
    """Return the name of all SLURM jobs of a working copy, which needs no record: it is made of the folder."""
    return f"yardstick-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:10]}"


class Ledger:
    """The file. Lines are only added, each in one write under a lock, so a kill costs the last one at most."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of_environment(cls) -> Ledger | None:
        """Return the ledger of the run that this process belongs to, or None."""
        path = os.environ.get(LEDGER_VARIABLE)
        return cls(Path(path)) if path and Path(path).exists() else None

    def add(self, **event: Any) -> None:
        """Add an event."""
        with self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(event).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Events:
        """Return what all lines come to."""
        events = Events({}, {}, {})
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                _apply(events, json.loads(line))
            except json.JSONDecodeError:
                continue  # the last line of a process that was killed while writing
        return events


def _apply(events: Events, event: dict[str, Any]) -> None:
    match event.pop("event", None):
        case "submitted":
            job = Job(**event)
            events.jobs[job.id] = job
            events.refusals.pop(job.shard, None)
        case "seen":
            if event["id"] in events.jobs:
                events.jobs[event["id"]] = replace(events.jobs[event["id"]], **event)
        case "earlier":
            events.earlier[event["shard"]] = event["id"]
        case "refused":
            events.refusals[event["shard"]] = event["reason"]
