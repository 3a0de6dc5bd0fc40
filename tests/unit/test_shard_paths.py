"""Paths of shards and their parts, and listing a folder of them."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yardstick.catalog import METRICS, SUITES
from yardstick.config import MACHINE_PATTERN
from yardstick.registry import MODEL_ID_PATTERN
from yardstick.shard_paths import Listing, ShardPath, list_shards, parse_shard_path

SHARD = ShardPath("latency", "gpt2", "my-box", "0" * 16, "f" * 16)


def ascii_match(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern.replace("$", r"\Z"), alphabet=st.characters(codec="ascii"))


HASHES = st.text("0123456789abcdef", min_size=16, max_size=16)
SHARDS = st.builds(
    ShardPath,
    metric=st.sampled_from([*METRICS, *SUITES]),
    model=ascii_match(MODEL_ID_PATTERN),
    machine=ascii_match(MACHINE_PATTERN),
    definition=HASHES,
    environment=HASHES,
)


@given(shard=SHARDS)
def test_a_path_that_can_be_configured_is_parsed_into_its_parts(shard: ShardPath) -> None:
    assert parse_shard_path(str(shard)) == shard


@given(shard=SHARDS, place=st.integers(0, 200), character=st.sampled_from("/AZ =\n.-x0\\é"))
def test_a_path_with_one_character_more_is_another_shard_or_none(shard: ShardPath, place: int, character: str) -> None:
    text = str(shard)
    changed = text[:place] + character + text[place:]
    parsed = parse_shard_path(changed)
    assert parsed is None or (str(parsed) == changed and parsed != shard)


@given(text=st.text())
def test_any_text_is_a_shard_or_none(text: str) -> None:
    assert parse_shard_path(text) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("metric=latency", "metric=beauty"),
        ("metric=latency", "Metric=latency"),
        ("model=gpt2", "model=.."),
        ("model=gpt2", "model=a/b"),
        ("model=gpt2", "model=-gpt2"),
        ("machine=my-box", "machine="),
        ("machine=my-box", "machine=My-box"),
        ("0000000000000000", "000000000000000g"),
        ("0000000000000000", "000000000000000"),
        (".parquet", ".parquet\n"),
        (".parquet", ".csv"),
    ],
)
def test_a_path_that_is_no_shards_is_none(old: str, new: str) -> None:
    assert parse_shard_path(str(SHARD)) == SHARD
    assert parse_shard_path(str(SHARD).replace(old, new)) is None


def put(results: Path, relative: str, content: bytes = b"") -> Path:
    file = results / relative
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_shards_are_listed_with_their_sizes(tmp_path: Path) -> None:
    put(tmp_path, str(SHARD), b"12345")
    assert list_shards(tmp_path) == Listing({SHARD: 5}, [])


def test_a_folder_that_is_not_there_lists_nothing(tmp_path: Path) -> None:
    assert list_shards(tmp_path / "results") == Listing({}, [])


def test_foreign_files_are_listed_and_kept(tmp_path: Path) -> None:
    foreign = ["metric=beauty/model=gpt2/machine=my-box/" + SHARD.definition + "-" + SHARD.environment + ".parquet"]
    foreign += ["metric=latency/notes.txt", "x.parquet", "ünknown"]
    for name in foreign:
        put(tmp_path, name)
    assert list_shards(tmp_path) == Listing({}, sorted(foreign))
    assert all((tmp_path / name).exists() for name in foreign)


def test_notes_for_readers_are_not_foreign(tmp_path: Path) -> None:
    for name in ["README.md", ".gitkeep", "metric=latency/.gitattributes"]:
        put(tmp_path, name)
    assert list_shards(tmp_path) == Listing({}, [])


def test_a_linked_folder_is_foreign_and_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", str(SHARD))
    (tmp_path / "results").mkdir()
    (tmp_path / "results/metric=latency").symlink_to(tmp_path / "elsewhere/metric=latency")
    assert list_shards(tmp_path / "results") == Listing({}, ["metric=latency"])


def test_what_a_dead_writer_left_is_deleted_and_a_living_ones_kept(tmp_path: Path) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    shard = SHARD.below(tmp_path)
    files = [
        shard.with_name(f".{shard.name}.{socket.gethostname()}.{pid}.partial") for pid in (process.pid, os.getpid())
    ]
    for file in files:
        put(tmp_path, str(file.relative_to(tmp_path)))
    assert list_shards(tmp_path) == Listing({}, [])
    assert [file.exists() for file in files] == [False, True]


def test_a_listing_gives_the_shards_of_one_metric_of_one_model_sorted() -> None:
    shards = [ShardPath("latency", "gpt2", "box", f"{number:016x}", "f" * 16) for number in (2, 1, 3)]
    others = [
        ShardPath("memory", "gpt2", "box", "0" * 16, "f" * 16),
        ShardPath("latency", "x", "box", "0" * 16, "f" * 16),
    ]
    assert Listing(dict.fromkeys([*others, *shards], 1)).of("latency", "gpt2") == sorted(shards)
    assert Listing().of("latency", "gpt2") == []
