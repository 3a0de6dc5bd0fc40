"""Real runs that fail: nothing finished is lost, the rest completes, the same command resumes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from working_copy import WorkingCopy, make_working_copy

EMBEDDED = "workflow/resources/embedded"


def add_broken_model(copy: WorkingCopy) -> None:
    """Register a model whose weights are cut off."""
    shutil.copytree(copy.root / EMBEDDED / "yardstick-mini", copy.root / "local/broken")
    weights = copy.root / "local/broken/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    entry = (
        "  - {id: broken, tier: ci_safe, backend: transformers, source: {path: local/broken}, dtype: float32,\n"
        "     context_length: 512, chat_template: false, parameters: 172352, license: mit, description: Broken.,\n"
        "     memory_mb: 600}\n"
    )
    file = copy.root / "config/models.yaml"
    file.write_text(file.read_text().rstrip() + "\n\n" + entry)


def test_a_model_that_cannot_load_fails_alone(working_copy: WorkingCopy) -> None:
    add_broken_model(working_copy)
    done = working_copy.snakemake("ci_safe", "--config", "models=broken,yardstick-mini", check=False)
    assert done.returncode == 1
    assert {path.split("/")[1] for path in working_copy.shards()} == {"model=yardstick-mini"}
    assert len(working_copy.shards()) == 7
    summary = done.stderr[done.stderr.index("wanted results are missing:") :]
    for metric in ("latency", "throughput", "memory", "reasoning_answers"):
        assert f"{metric} broken: broken: the model cannot be loaded" in summary
    assert "Traceback" not in done.stderr
    rows = json.loads((working_copy.root / "leaderboard/leaderboard.json").read_text())["rows"]
    assert [row["model"] for row in rows] == ["yardstick-mini"]


def test_the_same_command_tries_only_what_failed(working_copy: WorkingCopy) -> None:
    add_broken_model(working_copy)
    arguments = ("ci_safe", "--config", "models=broken,yardstick-mini")
    working_copy.snakemake(*arguments, check=False)
    stamps = {path: (working_copy.root / "results" / path).stat().st_mtime_ns for path in working_copy.shards()}
    shutil.copy(working_copy.root / EMBEDDED / "yardstick-mini/model.safetensors", working_copy.root / "local/broken")
    working_copy.snakemake(*arguments)
    assert len(working_copy.shards()) == 14
    assert {path: (working_copy.root / "results" / path).stat().st_mtime_ns for path in stamps} == stamps


def run_until(copy: WorkingCopy, shards: int, pause_s: float, sent: signal.Signals) -> tuple[int, str]:
    """Start the main job in a group of its own, signal the group once so many more shards are there and a pause is over.

    Waiting for shards, not for seconds, makes the signal hit the middle of the run on a machine of any speed.
    """
    before = len(copy.shards())
    run = subprocess.Popen(
        copy.command("ci_safe"),
        cwd=copy.root,
        env=copy.environment(),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while len(copy.shards()) < before + shards:
        assert run.poll() is None, "the run ended before it was signalled"
        time.sleep(0.02)
    time.sleep(pause_s)
    os.killpg(run.pid, sent)
    printed, _ = run.communicate(timeout=60)
    return run.returncode, printed


def test_killed_at_random_moments_it_resumes_and_measures_nothing_twice(
    working_copy: WorkingCopy, finished: WorkingCopy
) -> None:
    moments = random.Random(20261123)
    stamps: dict[str, int] = {}
    while len(stamps) < len(finished.shards()) / 2:
        run_until(working_copy, 1, moments.uniform(0, 0.3), signal.SIGKILL)
        found = {path: (working_copy.root / "results" / path).stat().st_mtime_ns for path in working_copy.shards()}
        assert {path: found.get(path) for path in stamps} == stamps
        stamps = found
    working_copy.snakemake("ci_safe")
    assert working_copy.shards() == finished.shards()
    assert {path: (working_copy.root / "results" / path).stat().st_mtime_ns for path in stamps} == stamps
    leftovers = [path for path in (working_copy.root / "results").rglob("*") if path.name.startswith(".")]
    assert leftovers == []


def test_an_interrupt_ends_the_run_and_leaves_nothing_running(working_copy: WorkingCopy) -> None:
    status, printed = run_until(working_copy, 1, 0, signal.SIGINT)
    assert status != 0
    assert "Traceback" not in printed
    assert not processes_below(working_copy.root)


def processes_below(root: Path) -> list[str]:
    """Return the command lines of processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == root:
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("damage", ["truncated", "foreign"])
def test_a_damaged_shard_is_named_and_not_read(finished: WorkingCopy, damage: str) -> None:
    name = next(path for path in sorted(finished.shards()) if path.startswith("metric=latency/model=yardstick-mini"))
    shard = finished.root / "results" / name
    shard.write_bytes(shard.read_bytes()[:300] if damage == "truncated" else b"not a shard")
    done = finished.snakemake("leaderboard")
    assert name in done.stdout + done.stderr
    document = json.loads((finished.root / "leaderboard/leaderboard.json").read_text())
    row = next(row for row in document["rows"] if row["model"] == "yardstick-mini")
    assert row["latency"] is None


def test_a_stray_file_is_named(finished: WorkingCopy) -> None:
    (finished.root / "results/metric=latency/notes.txt").write_text("mine")
    done = finished.snakemake("leaderboard")
    assert "metric=latency/notes.txt" in done.stdout + done.stderr


def fill_disk(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(b"x" * 4096)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    copy = make_working_copy(tmp_path / "yardstick")
    results = copy.root / "results"
    results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", results], check=True)
    try:
        copy.snakemake("ci_safe", "--config", "models=yardstick-mini")
        finished = {path: (results / path).read_bytes() for path in copy.shards()}
        fill_disk(results / "README.md")
        done = copy.snakemake("ci_safe", "--config", "models=yardstick-base", check=False)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert {path: (results / path).read_bytes() for path in copy.shards()} == finished
        (results / "README.md").unlink()
        copy.snakemake("ci_safe", "--config", "models=yardstick-base,yardstick-mini")
        assert len(copy.shards()) == 14
    finally:
        subprocess.run(["umount", results], check=True)
