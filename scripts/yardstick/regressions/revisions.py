"""Two revisions of this repository, each checked out into a temporary folder that is gone at the end."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from yardstick.errors import YardstickError

LOCKED = "envs/requirements.txt"


def commit_of(revision: str) -> str:
    """Return the commit that a revision names.

    Raises:
        YardstickError: there is none, or this is no git repository.
    """
    done = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        raise YardstickError(f"{revision!r} is no revision here; fetch it first: git fetch origin {revision}")
    return done.stdout.strip()


def uncommitted() -> bool:
    """Tell whether tracked files differ from what is committed."""
    return bool(_git("status", "--porcelain", "--untracked-files=no").stdout.strip())


def locked_requirements(commit: str) -> str:
    """Return the locked requirements of a commit, empty where it has none."""
    done = _git("show", f"{commit}:{LOCKED}")
    return done.stdout if done.returncode == 0 else ""


@contextmanager
def worktrees(*commits: str) -> Iterator[list[Path]]:
    """Yield a folder for each commit, checked out; remove them at the end, also after an error.

    Raises:
        YardstickError: git cannot check one out.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yardstick-compare-")))
        stack.callback(_git, "worktree", "prune")
        yield [_worktree(stack, folder / str(place), commit) for place, commit in enumerate(commits)]


def _worktree(stack: ExitStack, folder: Path, commit: str) -> Path:
    stack.callback(_git, "worktree", "remove", "--force", str(folder))
    done = _git("worktree", "add", "--detach", str(folder), commit)
    if done.returncode:
        raise YardstickError(f"{commit[:12]} cannot be checked out ({done.stderr.strip().splitlines()[-1]})")
    return folder


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise YardstickError("git is not installed; it is needed to compare revisions") from None
