"""Shards: what is written is read, and nothing else is."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yardstick.catalog import METRICS, PROFILE, SUITES
from yardstick.errors import YardstickError
from yardstick.identity import Document, document_hash
from yardstick.shard_paths import ShardPath
from yardstick.shards import METADATA_KEY, SCHEMAS, read_documents, read_identity, read_shard, write_shard

IDENTITY: Document = {"definition": {"metric": "any", "text": "prüfen \U0001f408"}, "environment": {"python": "3.11"}}
RUN: Document = {"threads": 1, "guards": {"load_before": 0.5}}


def path_of(metric: str, identity: Document = IDENTITY) -> ShardPath:
    hashes = document_hash(identity["definition"]), document_hash(identity["environment"])
    return ShardPath(metric, "tiny", "box", *hashes)


LATENCY = {"request": 0, "prompt": 1, "prompt_tokens": 5, "output_tokens": 3, "ttft_s": 0.1, "e2e_s": 0.3}
ENGINE = {"engine_prefill_s": None, "engine_decode_s": 0.25}
LATENCY_ROWS = [{**LATENCY, **ENGINE, "request": n, "itl_s": [0.1, 0.1], "output_hash": "ab"} for n in range(3)]


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_list(kind):
        return st.lists(values(kind.value_type), max_size=3)
    return {
        pa.int64(): st.integers(-(2**63), 2**63 - 1),
        pa.float64(): st.floats(allow_nan=False),
        pa.bool_(): st.booleans(),
        pa.string(): st.text(max_size=10),
    }[kind]


def rows_of(metric: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({field.name: values(field.type) for field in SCHEMAS[metric]})
    return st.lists(row, max_size=4)


def test_every_metric_has_a_schema_and_every_column_a_description() -> None:
    assert SCHEMAS.keys() == {*METRICS, *SUITES, PROFILE}
    assert all(field.metadata[b"description"] for schema in SCHEMAS.values() for field in schema)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(), metric=st.sampled_from(sorted(SCHEMAS)), run=st.dictionaries(st.text(), st.integers() | st.text())
)
def test_what_is_written_is_read(
    data: st.DataObject, metric: str, run: Document, tmp_path_factory: pytest.TempPathFactory
) -> None:
    results, path = tmp_path_factory.getbasetemp() / "round-trip", path_of(metric)
    rows = data.draw(rows_of(metric))
    write_shard(results, path, rows, IDENTITY, run)
    shard = read_shard(results, path)
    assert (shard.path, shard.rows, shard.identity, shard.run) == (path, rows, IDENTITY, run)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A folder with one shard, and the bytes of that shard."""
    results = tmp_path_factory.mktemp("results")
    write_shard(results, path_of("latency"), LATENCY_ROWS, IDENTITY, RUN)
    return results, path_of("latency").below(results).read_bytes()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_shard(tmp_path, path_of("latency"), LATENCY_ROWS, IDENTITY, RUN)
    return tmp_path


def refusal(results: Path, path: ShardPath) -> str:
    with pytest.raises(YardstickError) as raised:
        read_shard(results, path)
    line = str(raised.value)
    assert len(line.splitlines()) == 1
    assert line.startswith(f"{path.below(results)}: ")
    return line


def test_two_writings_of_the_same_content_are_the_same_bytes(whole: tuple[Path, bytes], results: Path) -> None:
    assert path_of("latency").below(results).read_bytes() == whole[1]


def test_other_readers_see_descriptions_and_the_identity(results: Path) -> None:
    schema = pq.read_schema(path_of("latency").below(results))
    assert METADATA_KEY in schema.metadata
    assert schema.field("ttft_s").metadata[b"description"].startswith(b"seconds from")


def test_a_part_of_the_columns_can_be_read(results: Path) -> None:
    assert read_shard(results, path_of("latency"), columns=["ttft_s"]).rows == [{"ttft_s": 0.1}] * 3


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_shard_cut_anywhere_is_refused_and_named(data: st.DataObject, whole: tuple[Path, bytes]) -> None:
    results, content = whole
    file = path_of("latency").below(results)
    file.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    try:
        assert "delete it and run again, it is not read" in refusal(results, path_of("latency"))
        assert read_documents(results, path_of("latency")) is None
    finally:
        file.write_bytes(content)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_refused_or_changes_no_row(data: st.DataObject, whole: tuple[Path, bytes]) -> None:
    results, content = whole
    file = path_of("latency").below(results)
    flipped = bytearray(content)
    flipped[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(flipped)
    rows, line = LATENCY_ROWS, f"{file}: accepted"
    try:
        rows = read_shard(results, path_of("latency")).rows
    except YardstickError as error:
        line = str(error)
    finally:
        file.write_bytes(content)
    assert rows == LATENCY_ROWS
    assert line.startswith(f"{file}: ")


@pytest.mark.parametrize("part", ["definition", "environment"])
def test_a_shard_moved_under_another_hash_is_refused(part: str, results: Path) -> None:
    other = dataclasses.replace(path_of("latency"), **{part: "0" * 16})
    path_of("latency").below(results).rename(other.below(results))
    assert "its content belongs under another name" in refusal(results, other)


def test_a_shard_of_another_metric_is_refused(results: Path) -> None:
    other = path_of("memory")
    other.below(results).parent.mkdir(parents=True)
    path_of("latency").below(results).rename(other.below(results))
    assert "its columns are not those of memory" in refusal(results, other)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"text\n" * 100])
def test_a_file_that_is_no_parquet_is_refused(content: bytes, results: Path) -> None:
    path_of("latency").below(results).write_bytes(content)
    assert "not a whole Yardstick shard" in refusal(results, path_of("latency"))


FORGED = [
    None,
    b"",
    b"no json",
    b"[]",
    b"5",
    b"null",
    b"{}",
    b'{"identity": 5, "run": {}}',
    b'{"identity": {}, "run": {}}',
]
FORGED += [b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("metadata", FORGED, ids=lambda metadata: str(metadata)[:20])
def test_a_parquet_file_without_our_metadata_is_refused(metadata: bytes | None, results: Path) -> None:
    table = pa.Table.from_pylist(LATENCY_ROWS, schema=SCHEMAS["latency"])
    pq.write_table(
        table.replace_schema_metadata({METADATA_KEY: metadata} if metadata is not None else None), results / "x"
    )
    (results / "x").rename(path_of("latency").below(results))
    assert "not a whole Yardstick shard" in refusal(results, path_of("latency"))


def test_a_missing_shard_is_refused_and_has_no_identity(tmp_path: Path) -> None:
    assert "not a whole Yardstick shard" in refusal(tmp_path, path_of("latency"))
    assert read_identity(tmp_path, path_of("latency")) is None


def test_the_identity_can_be_read_alone(results: Path) -> None:
    assert read_identity(results, path_of("latency")) == IDENTITY
    assert read_documents(results, path_of("latency")) == (IDENTITY, RUN)


def test_a_row_without_a_column_is_not_written(tmp_path: Path) -> None:
    with pytest.raises((pa.ArrowException, KeyError)):
        write_shard(tmp_path, path_of("latency"), [{"request": 0}], IDENTITY, RUN)
    assert not list(tmp_path.rglob("*.parquet*"))


def test_a_full_disk_is_one_line_and_leaves_no_file(small_disk: Path) -> None:
    noise = [{**LATENCY_ROWS[0], "output_hash": os.urandom(16).hex()} for _ in range(20_000)]
    with pytest.raises(YardstickError, match=r"\.parquet: cannot be written \(.*[Nn]o space left on device.*\)"):
        write_shard(small_disk, path_of("latency"), noise, IDENTITY, RUN)
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
