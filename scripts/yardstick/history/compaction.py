"""Move superseded shards into history files. A shard is deleted only when its copy was read back from the disk."""

from __future__ import annotations

import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yardstick.catalog import PROFILE
from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.history.archive import (
    DOCUMENTS_KEY,
    KEY_COLUMNS,
    LISTING_KEY,
    Archive,
    archive_file,
    find_archive,
    open_archive,
)
from yardstick.history.superseded import Dated, superseded
from yardstick.identity import Document
from yardstick.plan import Plan
from yardstick.shard_paths import ShardPath
from yardstick.shards import SCHEMAS, Shard, read_documents, read_shard, write_shard

_YEAR = re.compile(r"([0-9]{4})-[0-9]{2}-[0-9]{2}T")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Compacted:
    """What a compaction did: shards moved, history files written, bytes of shard files before and of history after."""

    shards: int
    files: list[Path]
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True)
class _Stored:
    """A shard on its way into a file: its size as a shard file, its rows and documents."""

    size: int
    table: pa.Table
    identity: Document
    run: Document


def compact(plan: Plan, results: Path, say: Say) -> Compacted:
    """Compact the superseded shards of a repository; the caller holds the run's lock.

    Args:
        plan: says which shards there are and which are valid.
        results: the folder of the shards.
        say: told in one line of each shard that stays where it is because it cannot be moved.

    Raises:
        YardstickError: a history file cannot be read or written; no shard is lost.
    """
    moved, files = 0, []
    bytes_before = bytes_after = 0
    for file, paths in _by_file(results, superseded(_dated(plan, results)), say).items():
        sizes = {path: path.below(results).stat().st_size for path in paths}
        _move(results, file, sizes)
        moved, bytes_before = moved + len(paths), bytes_before + sum(sizes.values())
        bytes_after += file.stat().st_size
        files.append(file)
    return Compacted(moved, files, bytes_before, bytes_after)


def restore_shard(results: Path, path: ShardPath) -> None:
    """Write a compacted shard as the file that it was; its copy in the history stays."""
    shard = read_shard(results, path)
    write_shard(results, path, shard.rows, shard.identity, shard.run)


def _dated(plan: Plan, results: Path) -> Iterator[Dated]:
    """Yield the shards that are files. Those of models of which nobody can say now what is valid are passed over."""
    registry = plan.inputs.registry
    unknown = {entry.id for entry in registry.values() if plan.obstacle(entry)}
    for path in sorted(plan.inputs.listing.sizes):
        if path.metric == PROFILE or path.model in unknown or not path.below(results).exists():
            continue
        entry = registry.get(path.model)
        is_valid = entry is not None and plan.definition_hash(path.metric, entry) == path.definition
        try:
            identity, run = read_documents(results, path) or ({}, {})
            yield Dated(path, _threads(identity["environment"]), str(run["measured_at"]), is_valid)
        except (KeyError, TypeError, AttributeError):
            continue  # no whole shard; the leaderboard names it


def _threads(environment: Document) -> int | None:
    threads = environment.get("threads")
    return threads if isinstance(threads, int) else None


def _by_file(results: Path, paths: Iterable[ShardPath], say: Say) -> dict[Path, list[ShardPath]]:
    """Return the shards that can be moved, by the history file that they belong into."""
    found: dict[Path, list[ShardPath]] = defaultdict(list)
    for path in paths:
        try:
            shard = read_shard(results, path)
        except YardstickError as error:
            say(f"stays: {error}")
            continue
        archive = find_archive(results, path)
        year = _YEAR.match(str(shard.run.get("measured_at", "")))
        if archive is not None:
            if _is_equal(shard, archive.read(path)):
                found[archive.file].append(path)
            else:
                say(
                    f"stays: {path.below(results)}: {archive.file} holds other values under this name; keep one of them"
                )
        elif year is None:
            say(f"stays: {path.below(results)}: it does not say when it was measured")
        else:
            found[archive_file(results, path.metric, year[1])].append(path)
    return dict(found)


def _move(results: Path, file: Path, sizes: Mapping[ShardPath, int]) -> None:
    """Add shards to a history file, read each back from the disk, and delete them as shards."""
    archive = open_archive(file) if file.exists() else None
    held = {} if archive is None else archive.places
    if new := {path: _load(results, path, size) for path, size in sizes.items() if path not in held}:
        old = {} if archive is None else {path: _from_archive(archive, path) for path in held}
        write_atomically(file, archive_bytes({**old, **new}))
    written = open_archive(file)
    for path in sizes:
        if not _is_equal(read_shard(results, path), written.read(path)):
            raise YardstickError(f"{file}: {path} was not stored as it is; nothing was deleted, report this as a bug")
    for path in sizes:
        path.below(results).unlink()


def archive_bytes(shards: Mapping[ShardPath, _Stored]) -> bytes:
    """Return a history file with these shards of one metric."""
    ordered = dict(sorted(shards.items()))
    schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in KEY_COLUMNS])
    schema = pa.schema([*schema, *SCHEMAS[next(iter(ordered)).metric]])
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, schema, compression="zstd", write_page_checksum=True) as writer:
        for path, stored in ordered.items():
            if stored.table.num_rows:
                keys = [pa.array([getattr(path, name)] * stored.table.num_rows, pa.string()) for name in KEY_COLUMNS]
                columns = [*keys, *stored.table.columns]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=stored.table.num_rows)
        # Not in the schema, which is stored twice.
        writer.add_key_value_metadata(_metadata(ordered))
    return buffer.getvalue()


def _metadata(shards: Mapping[ShardPath, _Stored]) -> dict[bytes, bytes]:
    listing: list[Any] = []
    documents: dict[str, Document] = {}
    runs: dict[str, Document] = {}
    groups = 0
    for path, stored in shards.items():
        listing.append([str(path), stored.size, groups if stored.table.num_rows else None])
        groups += stored.table.num_rows > 0
        documents[path.definition] = stored.identity["definition"]
        documents[path.environment] = stored.identity["environment"]
        runs[str(path)] = stored.run
    return {
        LISTING_KEY: json.dumps(listing).encode(),
        DOCUMENTS_KEY: json.dumps({"documents": documents, "runs": runs}, sort_keys=True).encode(),
    }


def _load(results: Path, path: ShardPath, size: int) -> _Stored:
    shard = read_shard(results, path)
    return _Stored(size, pa.Table.from_pylist(shard.rows, schema=SCHEMAS[path.metric]), shard.identity, shard.run)


def _from_archive(archive: Archive, path: ShardPath) -> _Stored:
    identity, run = archive.documents(path)
    return _Stored(archive.places[path].size, archive.table(path), identity, run)


def _is_equal(one: Shard, other: Shard) -> bool:
    """Compare as JSON, in which a NaN is equal to itself."""
    return _text(one) == _text(other)


def _text(shard: Shard) -> str:
    return json.dumps([shard.rows, shard.identity, shard.run], sort_keys=True)
