"""Open a shard that nobody vouches for: cheap looks at sizes and names before any row is unpacked."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from yardstick.errors import YardstickError
from yardstick.leaderboard.text import one_line
from yardstick.shard_paths import ShardPath
from yardstick.shards import FORMAT_VERSION, METADATA_KEY, Shard, read_shard

# What a few megabytes may unfold to.
MOST_ROWS = 100_000
MOST_VALUES = 10_000_000
MOST_UNPACKED_BYTES = 256_000_000
MOST_DOCUMENT_BYTES = 1_000_000

_PARTS = {"format_version", "identity", "run"}
_IDENTITY_PARTS = {"definition", "environment"}


def open_shard(results: Path, path: ShardPath) -> Shard:
    """Read a shard whose file may be made to harm.

    Raises:
        YardstickError: why it is not what its path says, without the file's name.
    """
    file = path.below(results)
    try:
        _check_footer(file)
        return read_shard(results, path)
    except YardstickError as error:
        raise YardstickError(one_line(str(error).removeprefix(f"{file}: "))) from None


def _check_footer(file: Path) -> None:
    """Look at what the file's end says of its content; `read_shard` says what is broken."""
    try:
        with pq.ParquetFile(file, thrift_string_size_limit=4_000_000, thrift_container_size_limit=200_000) as parquet:
            _check_sizes(parquet.metadata)
            metadata = parquet.schema_arrow.metadata or {}
    except (pa.ArrowException, OSError, MemoryError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise YardstickError(f"not a whole Parquet file ({said}); copy it again") from None
    if set(metadata) != {METADATA_KEY}:
        raise YardstickError("its metadata holds other things than Yardstick's; commit the file as the run wrote it")
    _check_documents(metadata[METADATA_KEY])


def _check_sizes(metadata: pq.FileMetaData) -> None:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    values = max((group.column(place).num_values for group in groups for place in range(group.num_columns)), default=0)
    unpacked = sum(group.total_byte_size for group in groups)
    if metadata.num_rows > MOST_ROWS or values > MOST_VALUES or unpacked > MOST_UNPACKED_BYTES:
        raise YardstickError(
            f"{metadata.num_rows} rows, {values} values, {unpacked} bytes unpacked: more than any measurement; "
            "commit the file as the run wrote it"
        )


def _check_documents(content: bytes) -> None:
    """Refuse documents that are not written as `write_shard` writes them: a hash would not cover all that they hold."""
    if len(content) > MOST_DOCUMENT_BYTES:
        raise YardstickError(f"{len(content)} bytes of documents; commit the file as the run wrote it")
    try:
        documents = json.loads(content)
        is_canonical = json.dumps(documents, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() == content
    except (ValueError, TypeError, RecursionError):
        is_canonical = False
    if not is_canonical or not isinstance(documents, dict) or set(documents) != _PARTS:
        raise YardstickError("its documents are not as Yardstick writes them; commit the file as the run wrote it")
    if documents["format_version"] != FORMAT_VERSION:
        raise YardstickError(
            f"format version {documents['format_version']!r}, this Yardstick reads {FORMAT_VERSION}; update it"
        )
    identity = documents["identity"]
    is_whole = isinstance(identity, dict) and set(identity) == _IDENTITY_PARTS
    if not is_whole or not all(isinstance(part, dict) for part in identity.values()):
        raise YardstickError("its identity is not a definition and an environment; commit the file as the run wrote it")
