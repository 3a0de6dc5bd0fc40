"""Shards: Parquet files with the raw observations of one metric of one model, and all that identifies them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yardstick.catalog import PROFILE, SUITES, answers_metric
from yardstick.errors import YardstickError
from yardstick.files import write_with
from yardstick.identity import Document, document_hash
from yardstick.shard_paths import ShardPath

METADATA_KEY = b"yardstick"
FORMAT_VERSION = 1

# What a file that is no whole shard can raise; a forged one can nest its JSON deeper than Python goes.
_NOT_READABLE = (pa.ArrowException, OSError, KeyError, ValueError, TypeError, RecursionError)


def _field(name: str, kind: pa.DataType, description: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


_REQUEST_TIMES = [
    _field("ttft_s", pa.float64(), "seconds from the start of the request to its first new token"),
    _field("e2e_s", pa.float64(), "seconds from the start of the request to its last new token"),
    _field("itl_s", pa.list_(pa.float64()), "seconds between neighbouring new tokens, one fewer than output_tokens"),
]
_COUNTS = [
    _field("prompt_tokens", pa.int64(), "tokens of the prompt"),
    _field("output_tokens", pa.int64(), "new tokens that came"),
]

_ANSWERS = pa.schema(
    [
        _field("task", pa.string(), "id of the task"),
        _field("sample", pa.int64(), "number of a drawn answer, from 1; none for the greedy one", nullable=True),
        _field("prompt", pa.string(), "text given to the model, after its chat template"),
        *_COUNTS,
        _field("answer", pa.string(), "text of the new tokens, special tokens left out"),
        _field(
            "finish",
            pa.string(),
            "stop: the answer ended; length: the limit was reached; too_long: the context cannot hold the question",
        ),
        _field("likelihoods", pa.list_(pa.float64()), "log-likelihood of each choice, nats", nullable=True),
        _field("greedy", pa.list_(pa.bool_()), "whether greedy decoding yields each choice", nullable=True),
    ]
)
_SCORES = pa.schema(
    [
        _field("task", pa.string(), "id of the task"),
        _field("sample", pa.int64(), "number of the drawn answer, none for the greedy one", nullable=True),
        _field("category", pa.string(), "category of the task"),
        _field("solved", pa.bool_(), "the suite's scorer takes the answer for right"),
        _field("accepted", pa.list_(pa.string()), "accepted keywords found"),
        _field("rejected", pa.list_(pa.string()), "rejected keywords found"),
        _field("considered", pa.string(), "part of the answer that counted"),
        _field("detail", pa.string(), "what the scorer says of it in a few words", nullable=True),
    ]
)

_PROFILE = pa.schema(
    [
        _field("quantity", pa.string(), "what was measured: memory, disk_read, memory_bandwidth, dispatch or linear"),
        _field("device", pa.string(), "cpu or cuda"),
        _field("threads", pa.int64(), "threads computed with, none where they do not matter", nullable=True),
        _field("dtype", pa.string(), "number format of the weights", nullable=True),
        _field("layout", pa.string(), "linear: outputs x inputs; conv1d: inputs x outputs", nullable=True),
        _field("tokens", pa.int64(), "tokens that were multiplied at once", nullable=True),
        _field("matrix_bytes", pa.int64(), "bytes of each matrix", nullable=True),
        _field("working_set_bytes", pa.int64(), "bytes of the matrices that took turns", nullable=True),
        _field("value", pa.float64(), "the best of the repeats"),
        _field("unit", pa.string(), "unit of the value: bytes, bytes/s or s"),
    ]
)

SCHEMAS: dict[str, pa.Schema] = {
    PROFILE: _PROFILE,
    **{answers_metric(suite): _ANSWERS for suite in SUITES},
    **dict.fromkeys(SUITES, _SCORES),
    "latency": pa.schema(
        [
            _field("request", pa.int64(), "number of the request, from 0, warm-ups not counted"),
            _field("prompt", pa.int64(), "number of the prompt in protocol.prompts, from 0"),
            *_COUNTS,
            *_REQUEST_TIMES,
            _field("output_hash", pa.string(), "hash of the new tokens; empty where requests differ by a prefix"),
            _field("engine_prefill_s", pa.float64(), "seconds the engine says the prompt took", nullable=True),
            _field("engine_decode_s", pa.float64(), "seconds the engine says the new tokens took", nullable=True),
        ]
    ),
    "throughput": pa.schema(
        [
            _field("run", pa.int64(), "number of the run, from 0, warm-ups not counted"),
            *_COUNTS,
            _field("wall_s", pa.float64(), "seconds from the start of the run's first request to the end of its last"),
        ]
    ),
    "memory": pa.schema(
        [
            _field("rss_before_bytes", pa.int64(), "resident set of the process tree, libraries imported, no model"),
            _field("pss_before_bytes", pa.int64(), "proportional set at that moment, 0 where unknown"),
            _field("uss_before_bytes", pa.int64(), "unique set at that moment, 0 where unknown"),
            _field("rss_after_bytes", pa.int64(), "resident set of the process tree with the model loaded"),
            _field("pss_after_bytes", pa.int64(), "proportional set with the model loaded, 0 where unknown"),
            _field("uss_after_bytes", pa.int64(), "unique set with the model loaded, 0 where unknown"),
            _field("peak_load_bytes", pa.int64(), "highest resident set seen while the model was loaded"),
            _field("peak_decode_bytes", pa.int64(), "highest resident set seen while tokens were decoded"),
            _field("accelerator_bytes", pa.int64(), "memory allocated on the accelerator at the end, 0 without one"),
            _field("accelerator_peak_bytes", pa.int64(), "most memory allocated on the accelerator, 0 without one"),
            _field("reported_bytes", pa.int64(), "what the engine itself says the model takes", nullable=True),
            _field("reserved_bytes", pa.int64(), "what the engine sets aside up front, used or not"),
        ]
    ),
    "concurrency": pa.schema(
        [
            _field("in_flight", pa.int64(), "requests at the same moment; in process, prompts of a batch"),
            _field("requests", pa.int64(), "requests that were timed at this level"),
            *_COUNTS,
            _field("wall_s", pa.float64(), "seconds of all rounds of this level together"),
            _field("ttft_s", pa.list_(pa.float64()), "seconds to the first new token, one value per request"),
            _field("e2e_s", pa.list_(pa.float64()), "seconds to the last new token, one value per request"),
        ]
    ),
    "long_text": pa.schema(
        [
            _field("part", pa.string(), "prompt: requests with a prompt of the length; generation: long answers"),
            _field("length", pa.int64(), "tokens that the prompt was to have; of long answers, new tokens asked"),
            _field("requests", pa.int64(), "requests that were timed"),
            _field("prompt_tokens", pa.int64(), "tokens of these requests' prompts together"),
            _field("output_tokens", pa.int64(), "new tokens of these requests together"),
            _field("ttft_s", pa.list_(pa.float64()), "seconds to the first new token, one value per request"),
            _field("e2e_s", pa.list_(pa.float64()), "seconds to the last new token, one value per request"),
            _field("itl_s", pa.list_(pa.list_(pa.float64())), "seconds between neighbouring new tokens, per request"),
            _field("resident_before_bytes", pa.int64(), "resident set before the first request", nullable=True),
            _field("peak_bytes", pa.int64(), "highest resident set seen during a request", nullable=True),
            _field("accelerator_peak_bytes", pa.int64(), "most memory allocated on the accelerator so far"),
        ]
    ),
}


@dataclass(frozen=True)
class Shard:
    """One shard's content.

    Attributes:
        path: its place below `results/`.
        rows: one mapping per observation, keys as in `SCHEMAS`.
        identity: definition and environment documents.
        run: what is known of the run: machine, guard rails, time, versions.
    """

    path: ShardPath
    rows: list[dict[str, Any]]
    identity: Document
    run: Document


def write_shard(
    results: Path, path: ShardPath, rows: Sequence[Mapping[str, Any]], identity: Document, run: Document
) -> None:
    """Write a shard atomically.

    Raises:
        YardstickError: the disk is full or not writable.
    """
    content = {"format_version": FORMAT_VERSION, "identity": identity, "run": run}
    metadata = {METADATA_KEY: json.dumps(content, sort_keys=True, ensure_ascii=False).encode()}
    schema = SCHEMAS[path.metric].with_metadata(metadata)
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    write_with(
        path.below(results), lambda file: pq.write_table(table, file, compression="zstd", write_page_checksum=True)
    )


def read_shard(results: Path, path: ShardPath, *, columns: Sequence[str] | None = None) -> Shard:
    """Read a shard and check that it is what its path says.

    Args:
        results: the folder that the path is below.
        path: the shard.
        columns: the columns of the rows that are needed, None for all; reading few of them is several times as fast.

    Raises:
        YardstickError: the file is truncated, foreign or of another identity; it is named.
    """
    file = path.below(results)
    if not file.exists():
        # Late: it imports this module.
        from yardstick.history.archive import read_compacted

        if compacted := read_compacted(results, path, columns):
            return compacted
    try:
        # Not read_table: opening a dataset of one file costs more than reading it.
        with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
            schema = parquet.schema_arrow
            content = json.loads((schema.metadata or {})[METADATA_KEY])
            identity, run = content["identity"], content["run"]
            hashes = (document_hash(identity["definition"]), document_hash(identity["environment"]))
            if hashes != (path.definition, path.environment):
                raise YardstickError(
                    f"{file}: its content belongs under another name; delete it and run again, it is not read"
                )
            if not schema.equals(SCHEMAS[path.metric], check_metadata=False):
                raise YardstickError(f"{file}: its columns are not those of {path.metric}; delete it, it is not read")
            rows = parquet.read(columns, use_threads=False).to_pylist()
            if len(rows) != parquet.metadata.num_rows:  # pages have checksums, the counts in the footer have none
                raise ValueError("rows are missing")
    except _NOT_READABLE as error:
        raise YardstickError(
            f"{file}: not a whole Yardstick shard ({_first_line(error)}); delete it and run again, it is not read"
        ) from None
    return Shard(path, rows, identity, run)


def read_identity(results: Path, path: ShardPath) -> Document | None:
    """Return the identity stored in a shard, or None when the file cannot be read."""
    documents = read_documents(results, path)
    return documents[0] if documents else None


def read_documents(results: Path, path: ShardPath) -> tuple[Document, Document] | None:
    """Return the identity and the run stored in a shard, unchecked, or None when the file cannot be read."""
    if not path.below(results).exists():
        from yardstick.history.archive import compacted_documents

        return compacted_documents(results, path)
    try:
        content = json.loads((pq.read_schema(path.below(results)).metadata or {})[METADATA_KEY])
        return content["identity"], content["run"]
    except _NOT_READABLE:
        return None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
