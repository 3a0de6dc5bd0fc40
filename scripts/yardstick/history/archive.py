"""Compacted shards: their place below `history/`, what each file lists, and reading one of them back.

A file holds the shards of one metric that were measured in one year, one row group per shard, with the shard's model,
machine, definition and environment as columns before its own. The documents of the shards are in the file's metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yardstick.errors import YardstickError
from yardstick.identity import Document, document_hash
from yardstick.shard_paths import ShardPath, history_files, history_folder, parse_shard_path
from yardstick.shards import SCHEMAS, Shard

LISTING_KEY = b"yardstick.shards"
DOCUMENTS_KEY = b"yardstick.documents"
KEY_COLUMNS = ("model", "machine", "definition", "environment")

_NOT_READABLE = (pa.ArrowException, OSError, KeyError, ValueError, TypeError, IndexError, RecursionError)


def archive_file(results: Path, metric: str, year: str) -> Path:
    """Return where the shards of a metric and year are compacted into.

    The name holds a hash of the metric's columns: a change to them begins a new file and leaves the old one as it is.
    """
    columns = [[field.name, str(field.type), field.nullable] for field in SCHEMAS[metric]]
    name = hashlib.sha256(json.dumps(columns).encode()).hexdigest()[:8]
    return history_folder(results) / f"metric={metric}" / f"year={year}" / f"shards-{name}.parquet"


@dataclass(frozen=True)
class Place:
    """Where a shard is in its file.

    Attributes:
        size: bytes of the file that the shard was.
        row_group: number of its row group, None for a shard without rows.
    """

    size: int
    row_group: int | None


class Archive:
    """One history file, opened once: what it lists, and its documents when they are asked for."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self._metadata = pq.read_metadata(file)
            rows = json.loads(self._metadata.metadata[LISTING_KEY])
            self.places = {_shard(path): Place(size, group) for path, size, group in rows}
        except _NOT_READABLE as error:
            raise _broken(file, error) from None

    @cached_property
    def _parquet(self) -> pq.ParquetFile:
        # It stays open: reading the documents of all shards again for each one would cost the square of their number.
        return pq.ParquetFile(self.file, page_checksum_verification=True)

    @cached_property
    def _columns(self) -> pa.Schema:
        return pa.schema(list(self._parquet.schema_arrow)[len(KEY_COLUMNS) :])

    @cached_property
    def _documents(self) -> tuple[dict[str, Document], dict[str, Document]]:
        content = json.loads(self._metadata.metadata[DOCUMENTS_KEY])
        return content["documents"], content["runs"]

    def documents(self, path: ShardPath) -> tuple[Document, Document]:
        """Return the identity and the run of a shard that is listed."""
        try:
            documents, runs = self._documents
            definition, environment = documents[path.definition], documents[path.environment]
            return {"definition": definition, "environment": environment}, runs[str(path)]
        except _NOT_READABLE as error:
            raise _broken(self.file, error) from None

    def table(self, path: ShardPath, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of a shard that is listed, without the columns that say which shard it is."""
        schema = SCHEMAS[path.metric]
        group = self.places[path].row_group
        if group is None:
            return schema.empty_table()
        try:
            if not self._columns.equals(schema, check_metadata=False):
                raise YardstickError(f"{self.file}: its columns are not those of {path.metric}; it is not read")
            names = [*KEY_COLUMNS, *(schema.names if columns is None else columns)]
            table = self._parquet.read_row_group(group, names, use_threads=False)
            if table.num_rows != self._metadata.row_group(group).num_rows:
                raise ValueError("rows are missing")
            _check_keys(table, path)
            return table.drop_columns(list(KEY_COLUMNS))
        except _NOT_READABLE as error:
            raise _broken(self.file, error) from None

    def read(self, path: ShardPath, columns: Sequence[str] | None = None) -> Shard:
        """Return a shard that is listed, checked as `read_shard` checks one."""
        identity, run = self.documents(path)
        hashes = (document_hash(identity["definition"]), document_hash(identity["environment"]))
        if hashes != (path.definition, path.environment):
            raise YardstickError(f"{self.file}: {path} has the documents of another shard; {_REMEDY}")
        return Shard(path, self.table(path, columns).to_pylist(), identity, run)


def compacted_sizes(results: Path) -> dict[ShardPath, int]:
    """Return the shards in all history files beside ``results``, with the bytes that each was; reads no rows.

    Raises:
        YardstickError: a history file cannot be read. It is not passed over: its shards would be measured again.
    """
    return {path: place.size for file in history_files(results) for path, place in open_archive(file).places.items()}


def find_archive(results: Path, path: ShardPath) -> Archive | None:
    """Return the history file that holds a shard, or None."""
    files = history_files(results, metric=path.metric)
    return next((archive for archive in map(open_archive, files) if path in archive.places), None)


def read_compacted(results: Path, path: ShardPath, columns: Sequence[str] | None = None) -> Shard | None:
    """Return a compacted shard, or None when no history file holds it."""
    archive = find_archive(results, path)
    return None if archive is None else archive.read(path, columns)


def compacted_documents(results: Path, path: ShardPath) -> tuple[Document, Document] | None:
    """Return the identity and the run of a compacted shard, or None when no history file holds it."""
    archive = find_archive(results, path)
    return None if archive is None else archive.documents(path)


def open_archive(file: Path) -> Archive:
    """Return a history file; one that did not change since is not read again."""
    status = file.stat()
    return _opened(file, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=64)
def _opened(file: Path, _mtime_ns: int, _size: int, _inode: int) -> Archive:
    return Archive(file)


def _shard(text: str) -> ShardPath:
    path = parse_shard_path(text)
    if path is None:
        raise ValueError(f"{text} is not the name of a shard")
    return path


def _check_keys(table: pa.Table, path: ShardPath) -> None:
    for name in KEY_COLUMNS:
        values: list[Any] = table.column(name).unique().to_pylist()
        if values != [getattr(path, name)]:
            raise ValueError(f"the rows of {path} are another shard's")


_REMEDY = "restore the file from version control, it is not read"


def _broken(file: Path, error: Exception) -> YardstickError:
    first = (str(error).splitlines() or [type(error).__name__])[0][:120]
    return YardstickError(f"{file}: not a whole history file ({first}); {_REMEDY}")
