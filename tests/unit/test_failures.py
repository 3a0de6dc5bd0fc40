"""The list at the end of a run that failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from yardstick.failures import failure_lines, log_path
from yardstick.shard_paths import ShardPath

FETCH = Path("logs/fetch")


def shard(metric: str = "latency", model: str = "gpt2") -> ShardPath:
    return ShardPath(metric, model, "box", "0" * 16, "f" * 16)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def lines(*shards: ShardPath) -> list[str]:
    head, *listed, tail = failure_lines(shards)
    assert head == f"{len(shards)} wanted results are missing:"
    assert "the same command tries only the missing ones again" in tail
    return listed


def test_a_failure_has_its_reason_and_its_log() -> None:
    log = put(log_path(shard()), "noise\nTraceback ...\nerror: the disk is full; free space\n")
    assert lines(shard()) == [f"  latency gpt2: the disk is full; free space (log: {log})"]


def test_the_last_error_of_a_log_counts() -> None:
    put(log_path(shard()), "error: first\nerror: last\n")
    assert lines(shard())[0].startswith("  latency gpt2: last (log: ")


def test_a_log_without_an_error_means_that_the_job_was_killed() -> None:
    put(log_path(shard()), "latency gpt2: begins\n")
    assert "ended without a word, as when the system runs out of memory" in lines(shard())[0]


def test_a_log_that_is_no_text_is_no_error() -> None:
    put(log_path(shard()), "").write_bytes(b"\xff\xfe\x00\nerror: caf\xe9\n")
    assert lines(shard())[0].startswith("  latency gpt2: caf")


def test_a_failed_download_stands_once_for_all_that_waited_for_it() -> None:
    log = put(FETCH / "gpt2-0123456789ab.log", "error: the hub is busy; try later\n")
    waiting = [shard("latency"), shard("memory"), shard("throughput")]
    assert lines(*waiting) == [f"  fetch gpt2: the hub is busy; try later (log: {log})"]


def test_a_failed_download_of_a_model_with_a_longer_name_is_not_this_ones() -> None:
    put(FETCH / "gpt2-medium-0123456789ab.log", "error: the hub is busy\n")
    assert lines(shard(model="gpt2")) == []


def test_a_download_that_succeeded_is_no_failure() -> None:
    put(FETCH / "gpt2-0123456789ab.log", "gpt2: fetched\n")
    put(Path("resources/fetched/gpt2-0123456789ab.json"), "{}")
    put(log_path(shard("reasoning_answers")), "error: out of memory\n")
    assert [line.split(":")[0] for line in lines(shard("reasoning_answers"), shard("reasoning"))] == [
        "  reasoning_answers gpt2"
    ]


def test_what_never_began_is_counted_and_not_listed() -> None:
    assert lines(shard()) == []


def test_a_run_that_lacks_only_the_leaderboard_says_so() -> None:
    (line,) = failure_lines([])
    assert "the leaderboard could not be built" in line
