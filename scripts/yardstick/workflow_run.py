"""The seam between Snakemake and a session: errors, the lock, what the terminal shows, and the end of a run."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from yardstick import forkserver, needs
from yardstick.errors import YardstickError
from yardstick.failures import failure_lines
from yardstick.leaderboard.terminal import leaderboard_table
from yardstick.locks import hold_run_lock
from yardstick.paths import LEADERBOARD, RESULTS, RUN_LOCK, RUNS
from yardstick.session import Session
from yardstick.shard_paths import ShardPath, list_shards
from yardstick.slurm.ledger import shard_key
from yardstick.slurm.run import SlurmRun, stand_in_front

T = TypeVar("T")
_SHOWN = ("Complete log", "Shutting down")
# These repeat what a job has said itself, or what the summary says.
_REPEATED = ("RuleException", "Exiting because a job", "WorkflowError:\nAt least one job did not complete")
# The SLURM executor's remarks on what the profile has settled.
_SETTLED = ("MinJobAge", "No SLURM account given", "No account was given", "Unable to guess SLURM account")


class _Workflow(Protocol):
    """The part of Snakemake's workflow object that is used here."""

    is_main_process: bool
    local_exec: bool
    cores: int | None
    output_settings: Any
    execution_settings: Any
    executor_plugin: Any
    dryrun: bool


class WorkflowRun:
    """One Snakemake process: the main one of a run, or one that a remote job starts."""

    def __init__(self, workflow: _Workflow, settings: Mapping[str, Any], logger: logging.Logger) -> None:
        output = workflow.output_settings
        # Jobs run the Python that runs Snakemake, whether or not its environment is activated.
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        self._workflow = workflow
        self._settings = settings
        self._session: Session | None = None
        self._server: forkserver.ForkServer | None = None
        self._slurm: SlurmRun | None = None
        self.is_foreground = workflow.is_main_process and not output.dryrun
        if self.is_foreground and not output.verbose:
            _quieten(logger)

    # Rules ask these when the DAG is built: while the rules are read, Snakemake does not know yet where jobs will run.

    def threads(self, wildcards: Any) -> int:
        """Threads of a measurement."""
        return self.ask(lambda session: session.threads)

    def threads_here(self, wildcards: Any) -> int:
        """Threads of a job that measures in processes of its own, which a remote job cannot."""
        return self.ask(_threads_here)

    def slots(self, count: int) -> Callable[[Any], int]:
        """Return a function that tells how many slots of this machine a job takes: none if it runs on another."""
        return lambda wildcards: 0 if self._is_remote else count

    def memory_mb(self, wildcards: Any, attempt: int) -> int:
        """Memory of a model's job in SLURM's MB (2**20 bytes)."""
        return self.ask(lambda session: needs.memory_mb(session.entry(wildcards.model), session.config, attempt))

    def minutes(self, wildcards: Any, attempt: int) -> int:
        """Time limit of a model's job."""
        return self.ask(lambda session: needs.minutes(session.entry(wildcards.model), session.config, attempt))

    def gpus(self, wildcards: Any) -> int:
        """GPUs of a model's job."""
        return self.ask(lambda session: needs.gpus(session.entry(wildcards.model)))

    @property
    def config_file(self) -> str:
        """The snapshot of the settings that jobs read."""
        return self.ask(lambda session: str(session.config_file))

    def ask(self, question: Callable[[Session], T]) -> T:
        """Return the session's answer; a mistake of the user ends the process with one line."""
        try:
            if self._session is None:
                cores = None if self._is_remote else self._workflow.cores or 1
                self._session = Session(self._settings, cores, self._say)
            return question(self._session)
        except YardstickError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)

    def ask_for_target(self, target: str, tiers: tuple[str, ...]) -> list[str]:
        """Return the files that a target wants."""
        files = self.ask(lambda session: session.wanted(target, tiers))
        if self.is_foreground and not self.ask(Session.is_writing):
            self._show_leaderboard()
            self._say("nothing to be done: every wanted result is there, and the leaderboard is made from them")
        return files

    def start(self) -> None:
        """Take the folder's lock before the first job; refuse if another run changed what the plan rests on."""
        if self._session is None or not (self._session.is_writing() or self._session.is_profiling):
            return
        self.ask(_lock)
        if self._is_slurm():
            self.ask(self._start_slurm)
        if self._session.is_running_models() and forkserver.is_available() and self._workflow.local_exec:
            self._server = forkserver.ForkServer()

    def succeed(self) -> None:
        """Show the leaderboard at the end of a run that wrote it."""
        self._end_server()
        if self._session is not None and self._session.is_writing():
            self._show_leaderboard()

    def fail(self) -> None:
        """Reduce what was finished, show it, and list what failed and why."""
        self._end_server()
        session = self._session
        if session is None or not session.is_writing():
            return
        if self._slurm is not None:
            self._slurm.refresh()
        command = [sys.executable, "scripts/build_leaderboard.py", "--config", str(session.config_file), "--quiet"]
        subprocess.run(command, check=False)
        self._show_leaderboard()
        for line in failure_lines(session.unfinished(), self._explain):
            print(line, file=sys.stderr)

    @property
    def _is_remote(self) -> bool:
        """Whether this is the main process of a run whose jobs go to other machines."""
        workflow = self._workflow
        if not workflow.is_main_process:
            return False
        # In a dry run only this tells what the executor would be.
        return not workflow.local_exec or (workflow.dryrun and workflow.execution_settings.use_threads)

    def _is_slurm(self) -> bool:
        return self._is_remote and self._workflow.executor_plugin.name == "slurm"

    def _start_slurm(self, session: Session) -> None:
        stand_in_front()
        self._slurm = SlurmRun(session.run_id, self._say)
        self._slurm.start(session.config.cluster.silence_minutes * 60, self.fail)

    def _explain(self, path: ShardPath) -> tuple[str, str] | None:
        if self._slurm is None:
            return None
        return self._slurm.explain(
            shard_key(model=path.model, machine=path.machine, definition=path.definition, environment=path.environment)
        )

    def _end_server(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _say(self, line: str) -> None:
        if self._workflow.is_main_process:
            print(line, file=sys.stderr)

    def _show_leaderboard(self) -> None:
        try:
            print(leaderboard_table(LEADERBOARD))
        except YardstickError as error:
            print(f"error: {error}", file=sys.stderr)


def _threads_here(session: Session) -> int:
    if session.is_remote:
        raise YardstickError(
            "this target measures where it runs; submit it as one job, for example: "
            "sbatch --exclusive --wrap 'make regressions CORES=8 MACHINE=mycluster-a100'"
        )
    return session.threads


def _lock(session: Session) -> None:
    hold_run_lock(RUN_LOCK, "snakemake")
    for marker in RUNS.glob("leaderboard-*"):
        marker.unlink(missing_ok=True)
    known, now = session.plan.inputs.listing.sizes, list_shards(RESULTS).sizes
    # Jobs of an earlier run on a cluster may have added shards, which theirs of this run will be taken from.
    if (known.items() - now.items()) if session.is_remote else known != now:
        raise YardstickError("another run has just changed results/; run the same command again")


def _quieten(logger: logging.Logger) -> None:
    """Leave on the terminal what a person wants to read; Snakemake's log file keeps everything."""
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.addFilter(_is_worth_showing)


def _is_worth_showing(record: logging.LogRecord) -> bool:
    text = record.getMessage()
    if record.levelno < logging.WARNING:
        return text.startswith(_SHOWN)
    # A job's error has been said by the job; an error of the run as a whole, such as an unknown target, has not.
    is_of_a_job = getattr(record, "event", None) is not None and not hasattr(record, "exception")
    return not is_of_a_job and not text.startswith((*_REPEATED, *_SETTLED))
