"""Which paths a contribution of results may touch, and how large it may be."""

from __future__ import annotations

from collections.abc import Sequence

from yardstick.catalog import PROFILE
from yardstick.contribution.changes import ABSENT_MODE, FILE_MODE, LINK_MODE, PROGRAM_MODE, Change
from yardstick.leaderboard.text import one_line
from yardstick.paths import LEADERBOARD, REGISTRY, RESULTS
from yardstick.shard_paths import parse_shard_path

MOST_FILES = 500
MOST_FILE_BYTES = 4_000_000
MOST_TOTAL_BYTES = 64_000_000
MOST_REGISTRY_BYTES = 1_000_000

_HISTORY = "history"
# Labels of machines that only Yardstick's own runs use.
RESERVED_LABEL = "github-"


def is_result(change: Change) -> bool:
    """Tell whether a change lies below `results/`."""
    return change.path.startswith(f"{RESULTS}/")


def is_history(change: Change) -> bool:
    """Tell whether a change lies below `history/`, whose results count like those below `results/`."""
    return change.path.startswith(f"{_HISTORY}/")


def is_profile(change: Change) -> bool:
    """Tell whether a change is a machine's profile, which is of use only where it was measured."""
    return change.path.startswith(f"{RESULTS}/metric={PROFILE}/")


def path_problem(change: Change) -> str | None:
    """Return why a contribution may not make a change, with the remedy, or None."""
    if is_result(change):
        return _result_problem(change)
    if change.path == str(REGISTRY):
        return _registry_problem(change)
    first = change.path.split("/")[0]
    if first == str(LEADERBOARD):
        return "the leaderboard is built again after the merge; leave it out of the contribution"
    if is_history(change):
        return "compacted results are the maintainers' to write; leave it out of the contribution"
    return "a contribution of results touches nothing else; put it into another pull request"


def total_problems(changes: Sequence[Change]) -> list[str]:
    """Return what is wrong with a contribution as a whole."""
    results = [change for change in changes if is_result(change)]
    total = sum(change.size for change in results)
    found = []
    if len(results) > MOST_FILES:
        found.append(f"results/: {len(results)} files, at most {MOST_FILES} are taken at once; split the contribution")
    if total > MOST_TOTAL_BYTES:
        found.append(f"results/: {total} bytes, at most {MOST_TOTAL_BYTES} are taken at once; split the contribution")
    return found


def _result_problem(change: Change) -> str | None:
    if change.status == "D":
        return "a result that is there is deleted; restore it, results are only added"
    if change.status != "A":
        return "a result that is there is changed; restore it, results are only added"
    if problem := _kind_problem(change):
        return problem
    shard = parse_shard_path(change.path.removeprefix(f"{RESULTS}/"))
    if shard is None:
        return "not the path of a shard; commit the files that a run wrote under the names it gave them"
    if is_profile(change):
        return "a machine's profile is of use where it was measured; leave it out of the contribution"
    if shard.machine.startswith(RESERVED_LABEL):
        return f"labels that begin with {RESERVED_LABEL} are for Yardstick's own runs; measure with machine: auto"
    if change.size == 0:
        return "an empty file; measure again and commit the file as it is"
    if change.size > MOST_FILE_BYTES:
        return f"{change.size} bytes, a shard has at most {MOST_FILE_BYTES}; commit the file as the run wrote it"
    return None


def _registry_problem(change: Change) -> str | None:
    if change.status == "D" or change.mode == ABSENT_MODE:
        return "the registry is deleted; restore it, a contribution adds at most one entry"
    if problem := _kind_problem(change):
        return problem
    if change.size > MOST_REGISTRY_BYTES:
        return f"{change.size} bytes, at most {MOST_REGISTRY_BYTES}; add one entry and nothing else"
    return None


def _kind_problem(change: Change) -> str | None:
    if change.mode == LINK_MODE:
        return "a symbolic link; commit the file itself"
    if change.mode == PROGRAM_MODE:
        return f"marked as a program; run: chmod -x {one_line(change.path)}"
    if change.mode != FILE_MODE:
        return "neither a file nor a folder, such as a submodule; commit the file itself"
    return None
