"""Publish new shards: one commit by the bot on top of what the branch is now, tried again when it moved meanwhile."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.leaderboard.text import one_line
from yardstick.paths import LEADERBOARD, RESULTS
from yardstick.publishing.git import git
from yardstick.publishing.handover import deliver
from yardstick.shard_paths import parse_shard_path

# Holds a token that may push; taken from the environment so that it is in no file and on no command line.
TOKEN_VARIABLE = "PUBLISH_TOKEN"
_BOT = {
    "NAME": "github-actions[bot]",
    "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com",
}
_PUBLISHED = (str(RESULTS), str(LEADERBOARD))


@dataclass(frozen=True)
class Published:
    """What came of publishing.

    Attributes:
        commit: the new commit, None where nothing had changed.
        shards: number of shards in it.
        refused: one line for each shard that was handed over and is not whole.
        leaderboard: the Markdown page as published.
    """

    commit: str | None
    shards: int
    refused: list[str]
    leaderboard: str


def publish(root: Path, *, remote: str, branch: str, attempts: int) -> Published:
    """Publish the shards that were handed over, with the leaderboard that is made from all results.

    Each attempt begins from the branch as it is at that moment, in a worktree of its own: shards have names of their
    own and never conflict, and the leaderboard is built anew rather than merged.

    Args:
        root: a clone of the repository; its own files and branches stay as they are.
        remote: name of the remote.
        branch: branch to publish on.
        attempts: how often to try while others push.

    Raises:
        YardstickError: the leaderboard cannot be built, or the remote refuses.
    """
    environment = _environment()
    for attempt in range(1, attempts + 1):
        tip = _tip(root, remote, branch, environment)
        with _worktree(root, tip) as worktree:
            refused = [f"results/{path}: {why}" for path, why in deliver(root, worktree)]
            _build_leaderboard(worktree)
            shards = _stage(worktree)
            page = _page(worktree)
            if shards is None:
                return Published(None, 0, refused, page)
            commit = _commit(worktree, shards, environment)
            try:
                git(worktree, "push", "--quiet", remote, f"HEAD:refs/heads/{branch}", environment=environment)
                return Published(commit, shards, refused, page)
            except YardstickError as error:
                if _tip(root, remote, branch, environment) == tip:
                    raise YardstickError(
                        f"{branch} cannot be pushed to ({error}); allow this workflow to write contents and to push"
                    ) from None
        print(f"{branch} moved while this was built; attempt {attempt} of {attempts}", file=sys.stderr)
    raise YardstickError(f"{branch} moved {attempts} times while this was built; run the workflow again")


def _environment() -> dict[str, str]:
    """Return the environment of git commands: the bot's name, and the token for GitHub's server if there is one."""
    environment = dict(os.environ)
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_{key}": value for key, value in _BOT.items()}
    token = environment.pop(TOKEN_VARIABLE, "")
    if token:
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
            "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {secret}",
        }
    return environment


def _tip(root: Path, remote: str, branch: str, environment: dict[str, str]) -> str:
    git(root, "fetch", "--quiet", "--no-tags", remote, f"refs/heads/{branch}", environment=environment)
    return git(root, "rev-parse", "FETCH_HEAD").strip()


@contextmanager
def _worktree(root: Path, commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="yardstick-publish-") as folder:
        worktree = Path(folder) / "worktree"
        git(root, "worktree", "add", "--quiet", "--detach", str(worktree), commit)
        try:
            yield worktree
        finally:
            git(root, "worktree", "remove", "--force", str(worktree))


def _build_leaderboard(worktree: Path) -> None:
    """Score what is not scored yet and build the leaderboard, with the code of the branch."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "leaderboard"]
    environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    done = subprocess.run(command, cwd=worktree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error: " in line] or done.stderr.splitlines() or ["?"]
        raise YardstickError(f"the leaderboard cannot be built: {one_line(said[0])}")


def _stage(worktree: Path) -> int | None:
    """Stage what is published and return the number of new shards, None where nothing changed."""
    there = [name for name in _PUBLISHED if (worktree / name).exists()]
    git(worktree, "add", "--all", "--", *there)
    names = git(worktree, "diff", "--cached", "--name-only", "-z").split("\0")
    staged = [name for name in names if name]
    if not staged:
        return None
    return sum(parse_shard_path(name.removeprefix(f"{RESULTS}/")) is not None for name in staged)


def _commit(worktree: Path, shards: int, environment: dict[str, str]) -> str:
    what = f"{shards} new shards" if shards else "leaderboard"
    git(worktree, "commit", "--quiet", "--message", f"Publish results: {what}", environment=environment)
    return git(worktree, "rev-parse", "HEAD").strip()


def _page(worktree: Path) -> str:
    return (worktree / LEADERBOARD / "LEADERBOARD.md").read_text(encoding="utf-8")
