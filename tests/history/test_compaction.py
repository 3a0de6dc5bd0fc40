"""Compaction loses nothing: every shard stays readable as it was, whatever its rows and whenever the program dies."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from history_world import KNOWN, REMOVED, Drawn, contents, drawn_shards, plan_of, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yardstick.errors import YardstickError
from yardstick.history.archive import archive_file
from yardstick.history.compaction import compact, restore_shard
from yardstick.history.superseded import Dated, superseded
from yardstick.paths import RESULTS
from yardstick.shard_paths import ShardPath, history_files, list_shards
from yardstick.shards import read_documents, read_identity, read_shard

RUN = {"run": 0, "prompt_tokens": 80, "output_tokens": 200, "wall_s": 1.5}


def throughput(place: int, **changes: Any) -> Drawn:
    """Return a valid shard of a week of its own."""
    drawn = {
        "metric": "throughput",
        "model": KNOWN,
        "machine": "box-a",
        "is_valid": True,
        "epoch": f"w{place}",
        "threads": 1,
        "measured_at": f"2026-01-01T00:00:{place:02d}Z",
        "rows": [{**RUN, "wall_s": 1.0 + place}],
    }
    return Drawn(**{**drawn, **changes})


def compacted(results: Path) -> list[str]:
    """Compact and return the lines that were said."""
    lines: list[str] = []
    compact(plan_of(results), results, lines.append)
    return lines


def is_file(results: Path, path: ShardPath) -> bool:
    return path.below(results).exists()


@pytest.fixture(autouse=True)
def no_disk_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk: nothing here needs to outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(drawn_shards(), max_size=12), later=st.lists(drawn_shards(), max_size=6))
def test_every_shard_can_be_read_and_restored_as_it_was(drawn: list[Drawn], later: list[Drawn]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / RESULTS
        for shards in (drawn, later):
            # What was compacted before stays as it is: a measurement is not made again under its name.
            paths = {write(results, shard): shard for shard in shards if not _is_known(results, shard)}
            before, fingerprint = contents(results, list_shards(results).sizes), plan_of(results).fingerprint()
            lines = compacted(results)
            assert lines == []
            assert paths.keys() <= before.keys()
            assert plan_of(results).fingerprint() == fingerprint
            assert contents(results, list_shards(results).sizes) == before
        files = [path for path in before if is_file(results, path)]
        kinds = [(path.metric, path.model, path.machine, _threads(results, path)) for path in files]
        assert len(kinds) == len(set(kinds))
        assert {path.model for path in files} <= {KNOWN}
        for path in before.keys() - set(files):
            restore_shard(results, path)
        for file in history_files(results):
            file.unlink()
        assert contents(results, before) == before


def _is_known(results: Path, drawn: Drawn) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder), drawn) in list_shards(results).sizes


def _threads(results: Path, path: ShardPath) -> int | None:
    identity = read_identity(results, path)
    assert identity is not None
    return identity["environment"].get("threads")


@settings(deadline=None)
@given(
    shards=st.lists(
        st.builds(
            Dated,
            path=st.builds(
                ShardPath,
                st.just("latency"),
                st.sampled_from(["a", "b"]),
                st.sampled_from(["box-a", "box-b"]),
                st.sampled_from(["0" * 16, "1" * 16]),
                st.text("0123456789abcdef", min_size=16, max_size=16),
            ),
            threads=st.sampled_from([None, 1, 2]),
            measured_at=st.sampled_from(["2025", "2026"]),
            is_valid=st.booleans(),
        ),
        unique_by=lambda dated: dated.path,
    )
)
def test_exactly_the_newest_valid_shard_of_a_kind_is_not_superseded(shards: list[Dated]) -> None:
    def is_newer(one: Dated, other: Dated) -> bool:
        is_same_kind = (one.path.model, one.path.machine, one.threads) == (
            other.path.model,
            other.path.machine,
            other.threads,
        )
        return is_same_kind and one.is_valid and (one.measured_at, one.path) > (other.measured_at, other.path)

    kept = {one.path for one in shards if one.is_valid and not any(is_newer(other, one) for other in shards)}
    assert set(superseded(shards)) == {one.path for one in shards} - kept


def test_there_is_one_file_per_metric_and_year(tmp_path: Path) -> None:
    results = tmp_path / RESULTS
    for place in range(4):
        write(results, throughput(place))
        write(results, throughput(place, machine="box-b", measured_at=f"2025-01-01T00:00:{place:02d}Z"))
        write(results, throughput(place, model=REMOVED, is_valid=False))
    compacted(results)
    assert history_files(results) == [archive_file(results, "throughput", year) for year in ("2025", "2026")]
    assert sum(is_file(results, path) for path in list_shards(results).sizes) == 2
    write(results, throughput(9))
    compacted(results)
    assert len(history_files(results)) == 2
    assert len(list_shards(results).sizes) == 13


def _dies(action: Callable[[], object], steps: int) -> bool:
    """Run an action in a process that is gone at the n-th change of a file, just before it is made."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = [steps]

    def mortal(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)
            return change(*arguments, **options)

        return changed

    try:
        Path.replace = mortal(Path.replace)  # type: ignore[method-assign]
        Path.unlink = mortal(Path.unlink)  # type: ignore[method-assign]
        os.fsync = mortal(os.fsync)
        action()
        os._exit(0)
    finally:
        os._exit(1)


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    paths = [write(tmp_path / "whole" / RESULTS, throughput(place)) for place in range(4)]
    before = contents(tmp_path / "whole" / RESULTS, paths)
    sizes = list_shards(tmp_path / "whole" / RESULTS).sizes
    for steps in itertools.count():
        shutil.copytree(tmp_path / "whole", tmp_path / str(steps))
        results = tmp_path / str(steps) / RESULTS
        is_dead = _dies(partial(compacted, results), steps)
        assert list_shards(results).sizes == sizes
        assert contents(results, paths) == before
        assert compacted(results) == []
        assert [is_file(results, path) for path in paths] == [False, False, False, True]
        assert contents(results, paths) == before
        assert [file.name for file in (tmp_path / str(steps)).rglob("*.partial")] == []
        if not is_dead:
            break
    # The file is flushed, renamed, its folder flushed, then three shards are deleted: each is a moment.
    assert steps == 6


def test_a_shard_in_both_places_counts_once_and_is_deleted_by_the_next_compaction(tmp_path: Path) -> None:
    results = tmp_path / RESULTS
    old, new = write(results, throughput(1)), write(results, throughput(2))
    sizes = list_shards(results).sizes
    compacted(results)
    restore_shard(results, old)
    assert is_file(results, old)
    assert list_shards(results).sizes == sizes
    assert compacted(results) == []
    assert not is_file(results, old)
    assert is_file(results, new)


def test_other_values_under_the_same_name_are_kept_and_named(tmp_path: Path) -> None:
    results = tmp_path / RESULTS
    old = write(results, throughput(1))
    write(results, throughput(2))
    compacted(results)
    write(results, throughput(1, rows=[{**RUN, "wall_s": 99.0}]))
    (line,) = compacted(results)
    assert line.startswith(f"stays: {old.below(results)}: ")
    assert "holds other values under this name" in line
    assert read_shard(results, old).rows[0]["wall_s"] == 99.0


def test_what_cannot_be_read_stays_and_is_named(tmp_path: Path) -> None:
    results = tmp_path / RESULTS
    broken, undated = write(results, throughput(1)), write(results, throughput(2, measured_at="once"))
    write(results, throughput(3, measured_at="z"))
    column = pq.read_metadata(broken.below(results)).row_group(0).column(3)
    content = bytearray(broken.below(results).read_bytes())
    content[column.dictionary_page_offset + column.total_compressed_size - 1] ^= 255
    broken.below(results).write_bytes(content)
    lines = compacted(results)
    assert {line.split(": ")[1] for line in lines} == {str(broken.below(results)), str(undated.below(results))}
    assert bytes(content) == broken.below(results).read_bytes()


def test_a_broken_history_file_is_named_and_never_passed_over(tmp_path: Path) -> None:
    results = tmp_path / RESULTS
    write(results, throughput(1))
    write(results, throughput(2))
    compacted(results)
    (file,) = history_files(results)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(
        YardstickError, match=r"shards-[0-9a-f]{8}\.parquet: not a whole history file .* version control"
    ):
        list_shards(results)


def test_documents_of_compacted_shards_are_read_without_their_rows(tmp_path: Path) -> None:
    results = tmp_path / RESULTS
    old = write(results, throughput(1))
    write(results, throughput(2))
    documents = read_documents(results, old)
    assert documents is not None
    compacted(results)
    assert read_documents(results, old) == documents
    gone = ShardPath("throughput", KNOWN, "box-a", "0" * 16, "1" * 16)
    assert read_documents(results, gone) is None
    with pytest.raises(YardstickError, match="not a whole Yardstick shard"):
        read_shard(results, gone)
