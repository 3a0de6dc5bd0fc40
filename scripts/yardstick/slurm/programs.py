"""SLURM's own programs, called from behind the project's programs of the same names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

# Programs here stand before SLURM's on the path of a run and of its jobs.
FRONT = Path(__file__).resolve().parents[2] / "slurm"
# The executor gives up on a status query after 60 s.
_ANSWER_LIMIT_S = 45.0
# A controller that restarts, or fails over to another machine, is away for less.
_PATIENCE_S = 300.0
_PAUSE_S = 3.0
_IS_AWAY = re.compile(r"unable to contact slurm controller|socket timed out|connection refused|temporarily", re.I)


@dataclass(frozen=True)
class SeenJob:
    """A job as SLURM shows it now.

    Attributes:
        id: SLURM's number of the job.
        state: SLURM's long name of its state, for example ``RUNNING``.
        node: the nodes that it runs or ran on, as SLURM writes them.
        comment: what the submission said of it.
    """

    id: str
    state: str
    node: str
    comment: str


class NoAnswerError(Exception):
    """SLURM does not answer; the message is its last line."""


def path_behind_front() -> str:
    """Return the search path without the project's own programs."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if Path(folder or ".").resolve() != FRONT)


def find_program(name: str) -> str | None:
    """Return the path of SLURM's own program, or None where it is not installed."""
    return shutil.which(name, path=path_behind_front())


def become_program(name: str, arguments: Sequence[str], *, without: int) -> NoReturn:
    """Go on as one of SLURM's own programs, or exit with a status where it is not installed."""
    program = find_program(name)
    if program is None:
        sys.exit(without)
    os.execv(program, [name, *arguments])


def run_program(name: str, *arguments: str, limit_s: float = _ANSWER_LIMIT_S) -> subprocess.CompletedProcess[str]:
    """Run one of SLURM's own programs.

    Raises:
        NoAnswerError: it is not installed, or takes longer than the limit.
    """
    program = find_program(name)
    if program is None:
        raise NoAnswerError(f"{name} is not installed")
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"{name} gave no answer within {limit_s:.0f} s") from None


def run_patiently(
    name: str, *arguments: str, instead: Callable[[], str | None] = lambda: None
) -> subprocess.CompletedProcess[str]:
    """Run one of SLURM's own programs again and again while the controller is away, for some minutes.

    Args:
        name: the program.
        arguments: its arguments.
        instead: asked before another try; what it returns is taken for the program's output.

    Raises:
        NoAnswerError: it is not installed, or takes longer than the limit.
    """
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        done = run_program(name, *arguments, limit_s=_PATIENCE_S)
        if done.returncode == 0 or not _IS_AWAY.search(done.stderr) or time.monotonic() > deadline_s:
            return done
        time.sleep(_PAUSE_S)
        if (output := instead()) is not None:
            return subprocess.CompletedProcess(name, 0, stdout=f"{output}\n", stderr="")


def list_jobs(name: str) -> list[SeenJob]:
    """Return all jobs of a name that SLURM still knows, ended ones included.

    Raises:
        NoAnswerError: the controller cannot be asked.
    """
    done = run_program("squeue", "--noheader", "--states=all", f"--name={name}", "--format=%i|%T|%N|%k")
    if done.returncode != 0:
        raise NoAnswerError((done.stderr.strip().splitlines() or ["squeue failed"])[-1])
    fields = (line.strip().split("|", 3) for line in done.stdout.splitlines())
    return [SeenJob(*parts) for parts in fields if len(parts) == 4]


def accounted_state(job: str) -> str | None:
    """Return the state of a job that the controller has forgotten, where there is an accounting database."""
    try:
        done = run_program("sacct", "-X", "--noheader", "--parsable2", "--format=State", f"--jobs={job}", limit_s=10)
    except NoAnswerError:
        return None
    # "CANCELLED by 1000" names who did it.
    words = done.stdout.split()
    return words[0] if done.returncode == 0 and words else None
