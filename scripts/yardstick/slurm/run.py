"""A run on SLURM as its main process sees it: what stands on the path, jobs of earlier runs, and the outer limit."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.paths import SLURM_RUNS
from yardstick.slurm import status
from yardstick.slurm.ledger import ENDED, LEDGER_VARIABLE, NAME_VARIABLE, Job, Ledger, job_name
from yardstick.slurm.outcomes import explain
from yardstick.slurm.programs import FRONT, NoAnswerError, SeenJob, list_jobs, path_behind_front

_CONFIGURATION = "YARDSTICK_SLURM_CONF"
# A controller that is being restarted is away for less.
_START_LIMIT_S = 90.0
_PAUSE_S = 5.0
_OWN_QUERY_S = 60.0
_BETWEEN_LINES_S = 30.0


def stand_in_front() -> None:
    """Put the project's `sbatch`, `sacct`, `sinfo` and `srun` before SLURM's, for this process and all that it starts."""
    os.environ["PATH"] = os.pathsep.join([str(FRONT), path_behind_front()])
    if configuration := os.environ.get("SLURM_CONF"):
        os.environ[_CONFIGURATION] = configuration


class SlurmRun:
    """The jobs of one run."""

    def __init__(self, run_id: str, say: Callable[[str], None]) -> None:
        self._say = say
        self._name = job_name(Path())
        self._ledger = Ledger((SLURM_RUNS / f"{run_id}.jsonl").absolute())

    def start(self, silence_s: float, end: Callable[[], None]) -> None:
        """Find the living jobs of earlier runs, and watch that SLURM answers.

        Args:
            silence_s: seconds without an answer after which the run ends.
            end: called before that.

        Raises:
            YardstickError: SLURM does not answer, so jobs of an earlier run could be alive unseen.
        """
        SLURM_RUNS.mkdir(parents=True, exist_ok=True)
        # First of all: a submission of a killed run that still waits for the controller gives up by it.
        for old in SLURM_RUNS.iterdir():
            old.unlink()
        jobs = self._jobs_at_start()
        self._ledger.path.touch()
        status.heard_file(self._ledger).touch()
        os.environ.update({LEDGER_VARIABLE: str(self._ledger.path), NAME_VARIABLE: self._name})
        self._take_up(jobs)
        threading.Thread(target=self._watch, args=(silence_s, end), daemon=True).start()

    def explain(self, shard: str) -> tuple[str, str] | None:
        """Return why a shard is missing and the log that tells more, or None when SLURM has nothing to do with it."""
        return explain(self._ledger.read(), shard) if self._ledger.path.exists() else None

    def refresh(self) -> None:
        """Ask SLURM once more how the jobs are."""
        if self._ledger.path.exists():
            status.refresh(self._ledger, self._name)

    def _jobs_at_start(self) -> list[SeenJob]:
        deadline_s = time.monotonic() + _START_LIMIT_S
        while True:
            try:
                return list_jobs(self._name)
            except NoAnswerError as error:
                if time.monotonic() > deadline_s:
                    raise YardstickError(
                        f"SLURM does not answer ({error}); run the same command again when squeue works"
                    ) from None
            time.sleep(_PAUSE_S)

    def _take_up(self, jobs: list[SeenJob]) -> None:
        self._say(f"SLURM jobs of this folder are named {self._name}; to see them: squeue --name={self._name}")
        living = 0
        for job in jobs:
            shard = job.comment.partition("/")[2]
            is_living = job.state not in ENDED
            living += is_living
            if shard.count("/") == 2 and (is_living or status.is_shard_there(shard)):
                self._ledger.add(event="earlier", id=job.id, shard=shard)
        if living:
            self._say(
                f"{living} SLURM jobs of an earlier run go on; they are taken up, not submitted again "
                f"(to begin anew, stop this run and: scancel --name={self._name})"
            )

    def _silence_s(self) -> float:
        """Return the seconds since SLURM answered last, or a job was submitted."""
        heard = (self._ledger.path, status.heard_file(self._ledger))
        return time.time() - max(path.stat().st_mtime for path in heard)

    def _watch(self, silence_s: float, end: Callable[[], None]) -> None:
        """Tell how far the jobs are, and end the process when SLURM has been silent for too long.

        Its jobs go on then, and the next run takes them up.
        """
        told, told_s = "", 0.0
        while True:
            time.sleep(min(_PAUSE_S, silence_s / 4))
            # The executor asks ever less often while nothing ends.
            if self._silence_s() > min(_OWN_QUERY_S, silence_s / 2):
                self.refresh()
            jobs = list(self._ledger.read().jobs.values())
            if (line := _progress(jobs)) != told and time.monotonic() - told_s > _BETWEEN_LINES_S:
                told, told_s = line, time.monotonic()
                self._say(line)
            if all(job.has_ended for job in jobs) or self._silence_s() < silence_s:
                continue
            self._say(
                f"error: SLURM has not answered for {silence_s / 60:.0f} minutes, so this run ends; its jobs go on, and "
                "the same command takes them up again"
            )
            end()
            os._exit(1)


def _progress(jobs: Sequence[Job]) -> str:
    """Return how many jobs are done, running and waiting, or nothing before the first."""
    counts = Counter("done" if job.has_ended else job.state for job in jobs)
    done, running = counts.pop("done", 0), counts.pop("RUNNING", 0) + counts.pop("COMPLETING", 0)
    return f"SLURM jobs: {done} ended, {running} running, {counts.total()} waiting" if jobs else ""
