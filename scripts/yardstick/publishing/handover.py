"""New shards on their way from a job that measures to the one that publishes, and back into a job that goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from yardstick.contribution.reading import open_shard
from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.paths import RESULTS
from yardstick.plan import Plan
from yardstick.publishing.git import read_texts
from yardstick.shard_paths import ShardPath, list_shards, parse_shard_path

# Below it lies `results/...`. Git ignores it.
HANDOVER = Path("resources/handover")


def collect(root: Path) -> list[ShardPath]:
    """Copy the shards that git does not know into the handover folder, and return them.

    Raises:
        YardstickError: this is no git repository, or the disk is full.
    """
    untracked = read_texts(root, "ls-files", "--others", "-z", "--", str(RESULTS))
    shards = [shard for path in untracked if (shard := parse_shard_path(path.removeprefix(f"{RESULTS}/")))]
    for shard in shards:
        _copy(shard.below(root / RESULTS), shard.below(root / HANDOVER / RESULTS))
    return sorted(shards)


def take_back(root: Path, plan: Plan, names: set[str]) -> list[ShardPath]:
    """Move handed over shards that are wanted now into `results/`, drop the others, and return those that were taken.

    What was measured and never published is not measured again; what is superseded meanwhile does not come back.

    Args:
        root: the repository's root.
        plan: says what is wanted.
        names: ids of the models that are asked for.
    """
    entries = [entry for entry in plan.inputs.registry.values() if entry.id in names and not plan.obstacle(entry)]
    wanted = {path for entry in entries for path in plan.wanted_measurements(entry)}
    handed = list_shards(root / HANDOVER / RESULTS).sizes
    taken = [path for path in sorted(handed) if path in wanted and _is_whole(root, path)]
    for path in taken:
        _copy(path.below(root / HANDOVER / RESULTS), path.below(root / RESULTS))
    shutil.rmtree(root / HANDOVER, ignore_errors=True)
    return taken


def deliver(root: Path, worktree: Path) -> Iterator[tuple[ShardPath, str]]:
    """Copy handed over shards into a worktree, and yield those that are not whole with why.

    A shard that is there already stays as it is.
    """
    for path in sorted(list_shards(root / HANDOVER / RESULTS).sizes):
        target = path.below(worktree / RESULTS)
        if target.exists():
            continue
        try:
            open_shard(root / HANDOVER / RESULTS, path)
        except YardstickError as error:
            yield path, str(error)
            continue
        _copy(path.below(root / HANDOVER / RESULTS), target)


def _is_whole(root: Path, path: ShardPath) -> bool:
    try:
        open_shard(root / HANDOVER / RESULTS, path)
    except YardstickError:
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink():
        raise YardstickError(f"{source}: a symbolic link; a shard is a file")
    write_atomically(target, source.read_bytes())
