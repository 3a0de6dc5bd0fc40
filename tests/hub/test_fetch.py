"""The real client against a small hub on loopback: what is fetched, and what is resumed."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_box import NEEDED, WEIGHTS, Box, safetensors
from hub_server import COMMIT, Hub, git_sha1, sha256


def fetched(box: Box) -> dict[str, str]:
    """The names and SHA-256 of the record's files."""
    return {file["name"]: file["sha256"] for file in json.loads(box.record.read_text())["files"]}


def cached(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# What is fetched


def test_the_record_names_the_snapshot_and_every_file_with_its_checksum(box: Box, hub: Hub) -> None:
    result = box.fetch()
    assert result.status == 0, result.stderr
    record = json.loads(box.record.read_text())
    expected = [
        {"name": name, "size": len(hub.content(name)), "sha256": sha256(hub.content(name))} for name in sorted(NEEDED)
    ]
    assert record == {
        "model": "tiny",
        "repo": hub.repo,
        "revision": COMMIT,
        "path": str(box.snapshot),
        "files": expected,
    }


def test_only_the_needed_files_are_asked_for(box: Box, hub: Hub) -> None:
    assert box.fetch().status == 0
    assert hub.asked_for() == NEEDED
    assert cached(box.snapshot) == NEEDED


def test_the_cache_is_laid_out_as_the_hubs_client_does(box: Box, hub: Hub) -> None:
    assert box.fetch().status == 0
    assert (box.snapshot / WEIGHTS).readlink() == Path(f"../../blobs/{sha256(hub.content(WEIGHTS))}")
    assert (box.snapshot / "config.json").readlink() == Path(f"../../blobs/{git_sha1(hub.content('config.json'))}")
    script = f"""
from huggingface_hub import hf_hub_download
print(hf_hub_download({hub.repo!r}, {WEIGHTS!r}, revision={COMMIT!r}, local_files_only=True))
"""
    found = subprocess.run(
        [sys.executable, "-c", script], env=box.environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str(box.snapshot / WEIGHTS)


def test_nothing_is_written_outside_the_cache_and_the_output(box: Box) -> None:
    assert box.fetch().status == 0
    assert {path.name for path in box.folder.iterdir()} == {"hf", "fetched", "models.yaml"}
    assert {path.name for path in box.home.iterdir()} <= {"hub", ".agent_harnesses.json"}
    assert cached(box.folder / "fetched") == {"tiny.json"}


def test_pickled_weights_come_only_when_allowed(box: Box, hub: Hub) -> None:
    (hub.folder / WEIGHTS).unlink()
    assert box.fetch().error == (
        "tiny/llama: has no safetensors weights; set allow_pickle: true to accept pickled weights"
    )
    assert not hub.asked_for()
    box.register(f"{{hub: {hub.repo}, revision: '{COMMIT}'}}", allow_pickle=True)
    assert box.fetch().status == 0
    assert "pytorch_model.bin" in fetched(box)


def test_code_comes_only_when_allowed(box: Box, hub: Hub) -> None:
    box.register(f"{{hub: {hub.repo}, revision: '{COMMIT}'}}", allow_remote_code=True)
    assert box.fetch().status == 0
    assert set(fetched(box)) == NEEDED | {"modeling_tiny.py"}


def test_shards_come_with_their_index(box: Box, hub: Hub) -> None:
    (hub.folder / WEIGHTS).unlink()
    parts = {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
    for part in parts:
        (hub.folder / part).write_bytes(safetensors(weight=100))
    (hub.folder / "model.safetensors.index.json").write_text("{}")
    assert box.fetch().status == 0
    assert set(fetched(box)) == NEEDED - {WEIGHTS} | parts | {"model.safetensors.index.json"}


def test_an_empty_file_is_a_file(box: Box, hub: Hub) -> None:
    (hub.folder / "merges.txt").write_bytes(b"")
    assert box.fetch().status == 0
    assert fetched(box)["merges.txt"] == hashlib.sha256(b"").hexdigest()


def test_a_second_run_asks_only_for_the_listing(box: Box, hub: Hub) -> None:
    assert box.fetch().status == 0
    hub.forget()
    assert box.fetch().status == 0
    assert not hub.asked_for()
    assert not hub.sent


def test_files_above_the_limit_of_plain_http_are_left_to_the_hubs_client(box: Box) -> None:
    result = box.fetch(prelude="import yardstick.hub.download as d; d.LARGEST_OVER_HTTP = 1000")
    assert result.status == 0, result.stderr
    assert "the hub's Xet protocol brings it" in result.stderr
    assert set(fetched(box)) == NEEDED


def test_a_cache_without_symbolic_links_serves(box: Box) -> None:
    assert box.fetch(HF_HUB_DISABLE_SYMLINKS="1").status == 0
    assert not (box.snapshot / WEIGHTS).is_symlink()
    assert box.fetch(HF_HUB_OFFLINE="1").status == 0


# Sources that are not on the hub


@pytest.mark.parametrize("source", ["{path: models/mine}", "{embedded: mini}"])
def test_other_sources_have_nothing_to_fetch(box: Box, hub: Hub, source: str) -> None:
    box.register(source)
    assert "so there is nothing to fetch" in box.fetch().error
    assert not hub.seen


def test_an_unknown_model_is_named_with_the_choices(box: Box) -> None:
    result = box.run("fetch_model.py", "--model", "nope", "--registry", box.registry, "--output", box.record)
    assert "no model 'nope'; choose from: tiny" in result.error


# Resuming


def test_a_cut_connection_goes_on_where_it_stopped(box: Box, hub: Hub) -> None:
    hub.fail(WEIGHTS, cut_after=70_000)
    result = box.fetch()
    assert result.status == 0, result.stderr
    assert hub.ranges(WEIGHTS) == [None, "bytes=70000-"]
    assert hub.sent[WEIGHTS] == len(hub.content(WEIGHTS))
    assert "the connection broke off; try 2 of 5" in result.stderr


def test_a_reset_connection_goes_on_where_it_stopped(box: Box, hub: Hub) -> None:
    hub.fail(WEIGHTS, cut_after=70_000, reset=True)
    assert box.fetch().status == 0
    assert hub.ranges(WEIGHTS) == [None, "bytes=70000-"]


def test_a_connection_that_is_cut_again_and_again_still_gets_there(box: Box, hub: Hub) -> None:
    hub.fail(WEIGHTS, cut_after=20_000, times=None)
    assert box.fetch().status == 0
    assert len(hub.ranges(WEIGHTS)) == -(-len(hub.content(WEIGHTS)) // 20_000)
    assert hub.sent[WEIGHTS] == len(hub.content(WEIGHTS))


def test_a_connection_that_never_brings_a_byte_ends_after_five_tries(box: Box, hub: Hub) -> None:
    hub.fail(WEIGHTS, cut_after=0, times=None)
    assert "breaks off; run the same command again, what has come is kept" in box.fetch().error
    assert len(hub.ranges(WEIGHTS)) == 5


def test_the_next_run_goes_on_where_a_killed_one_stopped(
    box: Box, hub: Hub, wait_for: Callable[[Callable[[], bool]], None]
) -> None:
    hub.fail(WEIGHTS, cut_after=90_000, stall_s=3)
    process = subprocess.Popen(
        box.command("fetch_model.py", *box.fetch_arguments()), env=box.environment, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: any(path.stat().st_size >= 65_536 for path in box.storage.glob("blobs/*.incomplete")))
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = next(box.storage.glob("blobs/*.incomplete")).stat().st_size
    assert not box.snapshot.exists()
    assert not box.record.exists()
    hub.heal()
    hub.forget()
    result = box.fetch()
    assert result.status == 0, result.stderr
    assert hub.ranges(WEIGHTS) == [f"bytes={kept}-"]
    assert hub.sent[WEIGHTS] == len(hub.content(WEIGHTS)) - kept
    assert "kept from an earlier run" in result.stderr


def test_two_runs_at_once_bring_each_file_once(box: Box, hub: Hub) -> None:
    hub.fail(WEIGHTS, cut_after=90_000, stall_s=1)
    command = box.command("fetch_model.py", *box.fetch_arguments())
    runs = [subprocess.Popen(command, env=box.environment, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [run.wait(30) for run in runs] == [0, 0]
    assert hub.sent[WEIGHTS] == len(hub.content(WEIGHTS))


def test_an_interrupted_run_says_how_to_go_on(
    box: Box, hub: Hub, wait_for: Callable[[Callable[[], bool]], None]
) -> None:
    hub.fail(WEIGHTS, cut_after=90_000, stall_s=2)
    process = subprocess.Popen(
        box.command("fetch_model.py", *box.fetch_arguments()), env=box.environment, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: WEIGHTS in hub.sent)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "error: interrupted; the same command goes on where this one stopped"
    assert "Traceback" not in stderr


def test_a_server_that_ignores_ranges_sends_all_again(box: Box, hub: Hub) -> None:
    hub.ignores_ranges = True
    hub.fail(WEIGHTS, cut_after=70_000)
    assert box.fetch().status == 0
    assert fetched(box)[WEIGHTS] == sha256(hub.content(WEIGHTS))


def test_wrong_bytes_of_an_earlier_run_are_fetched_again(box: Box, hub: Hub) -> None:
    blobs = box.storage / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{sha256(hub.content(WEIGHTS))}.incomplete").write_bytes(b"wrong" * 1000)
    result = box.fetch()
    assert result.status == 0, result.stderr
    assert "from an earlier run has a wrong checksum; fetching it again" in result.stderr
    assert hub.ranges(WEIGHTS) == ["bytes=5000-", None]


def test_a_partial_file_that_is_too_long_is_fetched_anew(box: Box, hub: Hub) -> None:
    blobs = box.storage / "blobs"
    blobs.mkdir(parents=True)
    content = hub.content(WEIGHTS)
    (blobs / f"{sha256(content)}.incomplete").write_bytes(content + b"more")
    assert box.fetch().status == 0
    assert hub.ranges(WEIGHTS) == [None]


# Transient faults


def test_the_hub_may_be_in_trouble_for_a_while(box: Box, hub: Hub) -> None:
    hub.fail("api", status=503, times=2)
    hub.fail(WEIGHTS, status=502, times=3)
    result = box.fetch()
    assert result.status == 0, result.stderr
    assert "the hub answered 503; try 2 of 5" in result.stderr
    assert "model.safetensors: the hub answered 502; try 4 of 5" in result.stderr


def test_a_slow_answer_is_asked_for_again(box: Box, hub: Hub) -> None:
    hub.fail(WEIGHTS, stall_s=2.5)
    result = box.fetch(HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert result.status == 0, result.stderr
    assert "no data came in time; try 2 of 5" in result.stderr


def test_a_short_wait_that_the_hub_asks_for_is_kept(box: Box, hub: Hub) -> None:
    hub.fail("api", status=429, headers={"Retry-After": "1"})
    result = box.fetch()
    assert result.status == 0, result.stderr
    assert "the hub answered 429; try 2 of 5 in 1 s" in result.stderr
