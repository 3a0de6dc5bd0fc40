"""Shards of a real run, changed in one thing, and written under the names that their content asks for."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from yardstick.contribution.changes import ListedFiles
from yardstick.contribution.check import check
from yardstick.contribution.report import Report
from yardstick.identity import document_hash
from yardstick.shard_paths import ShardPath, list_shards
from yardstick.shards import FORMAT_VERSION, METADATA_KEY, SCHEMAS, Shard, read_shard

MODEL = "yardstick-mini"
Content = dict[str, Any]


@dataclass
class Draft:
    """A shard that can be changed before it is written.

    Attributes:
        content: the documents; their hashes name the file unless ``keeps_name``.
        path: the parts of the path that are not hashes count.
        keeps_name: whether the file keeps the name that it had.
        columns: changes the table before it is written.
        documents: turns the documents into bytes.
        metadata: more metadata of the file.
        file: changes the file's bytes.
    """

    rows: list[dict[str, Any]]
    content: Content
    path: ShardPath
    keeps_name: bool = False
    columns: Callable[[pa.Table], pa.Table] = lambda table: table
    documents: Callable[[Content], bytes] = lambda content: canonical(content)
    metadata: dict[bytes, bytes] = dataclasses.field(default_factory=dict)
    file: Callable[[bytes], bytes] = lambda content: content

    @property
    def definition(self) -> Content:
        return self.content["identity"]["definition"]

    @property
    def environment(self) -> Content:
        return self.content["identity"]["environment"]

    @property
    def run(self) -> Content:
        return self.content["run"]

    @property
    def row(self) -> dict[str, Any]:
        return self.rows[0]

    def place(self, **parts: str) -> None:
        """Put it below other folders."""
        self.path = dataclasses.replace(self.path, **parts)

    def write(self, folder: Path) -> Path:
        """Write it below ``folder/results`` and return its path relative to the folder."""
        path = self.path
        if not self.keeps_name:
            hashes = document_hash(self.definition), document_hash(self.environment)
            path = dataclasses.replace(path, definition=hashes[0], environment=hashes[1])
        metadata = {METADATA_KEY: self.documents(self.content), **self.metadata}
        table = pa.Table.from_pylist(self.rows, schema=SCHEMAS[self.path.metric])
        table = self.columns(table).replace_schema_metadata(metadata)
        file = path.below(folder / "results")
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)
        file.write_bytes(self.file(file.read_bytes()))
        return file.relative_to(folder)


def canonical(content: Content) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Measured:
    """A repository, and the shards of one model that a real run in it wrote."""

    root: Path
    shards: dict[str, Shard]

    def draft(self, metric: str) -> Draft:
        shard = copy.deepcopy(self.shards[metric])
        content = {"format_version": FORMAT_VERSION, "identity": shard.identity, "run": shard.run}
        return Draft(shard.rows, content, shard.path)

    def check(self, folder: Path, files: Iterable[Path]) -> Report:
        """Check files as if they were all that a contribution adds."""
        return check(self.root, ListedFiles(folder, [folder / file for file in files]))


def measured(root: Path) -> Measured:
    """Take a finished working copy's shards out of it."""
    paths = [path for path in list_shards(root / "results").sizes if path.model == MODEL]
    shards = {path.metric: read_shard(root / "results", path) for path in paths}
    return Measured(root, shards)
