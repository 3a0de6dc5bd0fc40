"""Git, as a program: its output, or one line of what it said."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.leaderboard.text import one_line

# Neither hooks nor helpers named in a repository's own settings run while its content is only read.
_READ_ONLY = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")


def git(repository: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a git command in a repository and return what it printed.

    Raises:
        YardstickError: git is missing or refused; the line holds the last that it said.
    """
    return _run(repository, arguments, environment).decode(errors="surrogateescape")


def read(repository: Path, *arguments: str) -> bytes:
    """Run a git command that only reads, without hooks, and return the bytes that it printed.

    Raises:
        YardstickError: git is missing or refused; the line holds the last that it said.
    """
    return _run(repository, (*_READ_ONLY, *arguments), None)


def read_texts(repository: Path, *arguments: str) -> list[str]:
    """Return the NUL-separated texts that a reading git command printed, as with ``-z``."""
    return [part.decode(errors="surrogateescape") for part in read(repository, *arguments).split(b"\0") if part]


def _run(repository: Path, arguments: tuple[str, ...], environment: Mapping[str, str] | None) -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
    except FileNotFoundError:
        raise YardstickError("git is not installed; install it and run again") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        verb = next((part for part in arguments if part[0] != "-" and "=" not in part), arguments[0])
        raise YardstickError(f"git {verb}: {one_line(said[-1])}")
    return done.stdout
