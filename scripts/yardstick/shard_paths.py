"""Where shards are: a shard's path names all that defines it, so finding one is listing a folder."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from yardstick.catalog import METRICS, PROFILE, SUITES
from yardstick.files import is_temporary, remove_if_abandoned

_NAME = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_SHARD = re.compile(
    rf"metric=(?P<metric>{_NAME})/model=(?P<model>{_NAME})/machine=(?P<machine>{_NAME})"
    r"/(?P<definition>[0-9a-f]{16})-(?P<environment>[0-9a-f]{16})\.parquet"
)
# Files that are no shards and may lie there: notes for readers, and git's way to keep a folder.
_EXPECTED = {"README.md", ".gitkeep", ".gitattributes"}


@dataclass(frozen=True, order=True)
class ShardPath:
    """The parts of a shard's path below `results/`."""

    metric: str
    model: str
    machine: str
    definition: str
    environment: str

    def __str__(self) -> str:
        return f"metric={self.metric}/model={self.model}/machine={self.machine}/{self.definition}-{self.environment}.parquet"

    def below(self, results: Path) -> Path:
        """Return the path of the file."""
        return results / str(self)


@dataclass
class Listing:
    """What lies under `results/`.

    Attributes:
        sizes: shard -> bytes.
        foreign: files that are no shards, below `results/`.
    """

    sizes: dict[ShardPath, int] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_model: dict[tuple[str, str], list[ShardPath]] = defaultdict(list)
        for shard in sorted(self.sizes):
            self._by_model[shard.metric, shard.model].append(shard)

    def of(self, metric: str, model: str) -> list[ShardPath]:
        """Return the shards of one metric of one model, sorted by path."""
        return self._by_model.get((metric, model), [])


def parse_shard_path(relative: str) -> ShardPath | None:
    """Return the parts of a path below `results/`, or None when it is no shard's."""
    found = _SHARD.fullmatch(relative)
    if found is None or found["metric"] not in {*METRICS, *SUITES, PROFILE}:
        return None
    return ShardPath(**found.groupdict())


def list_shards(results: Path) -> Listing:
    """List `results/` once, and what the history files beside it hold; delete what killed writers left behind.

    A shard in both places counts once, with the size that it had when it was compacted, so that moving shards there
    and back changes nothing in a listing.
    """
    sizes: dict[ShardPath, int] = {}
    foreign: list[str] = []
    folder = os.path.join(results, "")  # noqa: PTH118 - ends with a separator, which no Path does
    for entry in _files_below(folder):
        relative = entry.path[len(folder) :]
        shard = parse_shard_path(relative)
        if shard is not None:
            sizes[shard] = entry.stat(follow_symlinks=False).st_size
        elif is_temporary(entry.name):
            remove_if_abandoned(Path(entry.path))
        elif entry.name not in _EXPECTED:
            foreign.append(relative)
    if any(history_files(results)):
        # Late: it costs the import of pyarrow.
        from yardstick.history.archive import compacted_sizes

        sizes |= compacted_sizes(results)
    return Listing(sizes, sorted(foreign))


def history_folder(results: Path) -> Path:
    """Return the folder of compacted shards: beside ``results``, whose Hive layout has no place for them."""
    return results.with_name("history")


def history_files(results: Path, metric: str | None = None) -> list[Path]:
    """Return the history files beside ``results``, of one metric or of all; delete what killed writers left behind."""
    folder = history_folder(results)
    files = []
    for entry in _files_below(str(folder / f"metric={metric}" if metric else folder)):
        if is_temporary(entry.name):
            remove_if_abandoned(Path(entry.path))
        elif entry.name.endswith(".parquet"):
            files.append(Path(entry.path))
    return sorted(files)


def _files_below(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path)
        else:
            yield entry
