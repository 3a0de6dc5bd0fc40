"""Files that are no whole, honest shard are named, never believed, and stop nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from leaderboard_world import World, requests, runs, scores, sizes
from yardstick.leaderboard.build import build
from yardstick.leaderboard.render import JSON, render
from yardstick.shard_paths import ShardPath
from yardstick.shards import SCHEMAS


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _replace_by_foreign_parquet(file: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), file)


def _damage_the_data(file: Path) -> None:
    content = file.read_bytes()
    footer = 8 + int.from_bytes(content[-8:-4], "little")
    file.write_bytes(content[:4] + b"\xff" * (len(content) - 4 - footer) + content[-footer:])


def _flip_one_bit(file: Path) -> None:
    """Change the last value that is stored, in a way that only a checksum can tell."""
    chunk = pq.ParquetFile(file).metadata.row_group(0).column(3)
    assert chunk.path_in_schema == "wall_s"
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(file.read_bytes())
    content[start + chunk.total_compressed_size - 1] ^= 1
    file.write_bytes(content)


def _metadata(file: Path, content: bytes) -> None:
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.replace_schema_metadata({b"yardstick": content}), file)


def _nest_deeply(file: Path) -> None:
    _metadata(file, b"[" * 100_000)


def _replace_metadata_by_a_list(file: Path) -> None:
    _metadata(file, b"[1]")


_DAMAGES = [
    _truncate,
    _empty,
    _replace_by_foreign_parquet,
    _damage_the_data,
    _flip_one_bit,
    _nest_deeply,
    _replace_metadata_by_a_list,
]


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_broken_shard_is_named_and_stops_nothing(world: World, damage: Callable[[Path], None]) -> None:
    world.write("memory")
    path = world.write("throughput")
    damage(path.below(world.results))
    built = world.build()
    (row,) = built.leaderboard.rows
    assert row.throughput is None
    assert row.memory is not None
    assert [(unread.file, unread.reason) for unread in built.leaderboard.unread] == [
        (f"results/{path}", "not a whole Yardstick shard")
    ]
    assert built.lines[0].startswith(f"results/{path}: not a whole Yardstick shard")


def test_a_shard_that_vanishes_after_the_listing_is_named(world: World) -> None:
    path = world.write("memory")
    plan = world.plan()
    path.below(world.results).unlink()
    assert [unread.file for unread in build(plan).leaderboard.unread] == [f"results/{path}"]


def test_a_shard_under_anothers_name_is_not_read(world: World) -> None:
    path = world.write("throughput", epoch="a")
    target = world.write("throughput", epoch="b")
    shutil.copy(path.below(world.results), target.below(world.results))
    (unread,) = world.build().leaderboard.unread
    assert (unread.file, unread.reason) == (f"results/{target}", "its content belongs under another name")


def test_a_shard_with_other_columns_is_not_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(SCHEMAS, "memory", pa.schema([pa.field("rss", pa.int64())]))
        world.write("memory", rows=[{"rss": 1}])
    (unread,) = world.build().leaderboard.unread
    assert unread.reason == "its columns are not those of memory"


@pytest.mark.parametrize(
    ("metric", "rows"),
    [
        ("latency", []),
        ("latency", requests(n=3, e2e_s=float("nan"))),
        ("latency", requests(n=3, ttft_s=-1.0)),
        ("throughput", runs(walls=(0.0,))),
        ("throughput", runs(walls=(float("inf"),))),
        ("throughput", runs(tokens=-1)),
        ("memory", sizes() * 2),
        ("memory", sizes(peak_load_bytes=-1)),
    ],
)
def test_values_that_cannot_be_are_not_believed(world: World, metric: str, rows: list[dict[str, Any]]) -> None:
    world.write(metric, rows=rows)
    (unread,) = world.build().leaderboard.unread
    assert unread.reason == "its values cannot be true"


@pytest.mark.parametrize("kept", [slice(0, 5), slice(0, 0)])
def test_a_score_of_part_of_the_suite_is_not_believed(world: World, kept: slice) -> None:
    world.write("reasoning", rows=scores(world)[kept])
    assert world.build().leaderboard.unread[0].reason == "its values cannot be true"


def test_a_score_with_a_task_twice_is_not_believed(world: World) -> None:
    rows = scores(world)
    world.write("reasoning", rows=[*rows[:-1], rows[0]])
    assert world.build().leaderboard.rows == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"at": "yesterday"}, "measured_at"),
        ({"at": 20260101}, "measured_at"),
        ({"guards": {"foreign_cores": "none"}}, "guards.foreign_cores"),
        ({"guards": {"foreign_cores": float("nan")}}, "guards.foreign_cores"),
        ({"guards": {"swapped_bytes": -1}}, "guards.swapped_bytes"),
        ({"packages": {"torch": "9" * 500}}, "packages.torch"),
        ({"threads": "many"}, "threads"),
    ],
)
def test_a_run_document_that_is_not_valid_is_not_believed(world: World, options: dict[str, Any], field: str) -> None:
    world.write("latency", **options)
    built = world.build()
    assert built.leaderboard.unread[0].reason == "what it says of its run is not valid"
    assert f"({field})" in built.lines[0]


def test_foreign_files_are_named(world: World) -> None:
    path = world.write("memory").below(world.results)
    (path.parent / "notes.txt").write_text("x")
    (world.results / "README.md").write_text("x")
    (unread,) = world.build().leaderboard.unread
    assert unread.file == f"results/{path.parent.relative_to(world.results)}/notes.txt"


def test_a_file_name_that_is_not_utf8_is_named(world: World) -> None:
    world.results.mkdir()
    Path(str(world.results).encode().decode() + "/bad-\udcff-name").write_bytes(b"")
    content = render(world.build().leaderboard)
    assert b"results/bad- -name" in content[JSON]


def test_stale_and_unregistered_shards_are_not_opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    real = pq.ParquetFile

    def record(file: Path, *arguments: Any, **options: Any) -> Any:
        opened.append(file)
        return real(file, *arguments, **options)

    monkeypatch.setattr(pq, "ParquetFile", record)
    valid = world.write("memory")
    world.write("memory", protocol={"memory": {"max_new_tokens": 7}})
    other = ShardPath("memory", "unregistered", "box-a", valid.definition, valid.environment).below(world.results)
    other.parent.mkdir(parents=True)
    shutil.copy(valid.below(world.results), other)
    assert len(world.rows()) == 1
    assert opened == [valid.below(world.results)]
