"""What each fault of the hub, the network and the disk says, and that no fault shows the token."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_box import WEIGHTS, Box, closed_port
from hub_server import COMMIT, Hub, sha256

# Faults that end a run, each with one line


@pytest.mark.parametrize(
    ("where", "details", "expected"),
    [
        ("api", {"status": 503}, "tiny/llama: the hub has trouble (503); run the same command again later"),
        (WEIGHTS, {"status": 500}, "tiny/llama: the hub has trouble (500); run the same command again later"),
        ("api", {"status": 429}, "tiny/llama: the hub limits requests (429); run again in some minutes, or log in"),
        (
            WEIGHTS,
            {"status": 429, "headers": {"RateLimit": '"resolvers";r=0;t=287'}},
            "tiny/llama: the hub limits requests (429); run again in 287 s",
        ),
        ("api", {"status": 401}, "tiny/llama: the hub refuses the token (401); log in again with: hf auth login"),
        (
            "config.json",
            {"status": 401, "code": "GatedRepo"},
            "tiny/llama: is gated (401); accept its licence at {endpoint}/tiny/llama and log in with: hf auth login",
        ),
        (
            "config.json",
            {"status": 403, "code": "GatedRepo"},
            "tiny/llama: is gated (403); accept its licence at {endpoint}/tiny/llama",
        ),
        ("api", {"status": 403}, "tiny/llama: access is forbidden (403); ask for it at {endpoint}/tiny/llama"),
        (WEIGHTS, {"status": 404, "code": "EntryNotFound"}, f"tiny/llama: lacks a file at revision {COMMIT}"),
        ("api", {"status": 404}, "tiny/llama: is not there (404); check its spelling and HF_ENDPOINT"),
        ("api", {"status": 418}, "tiny/llama: the hub answered 418; check HF_ENDPOINT"),
        ("api", {"body": b"<html>Please log in to the Wi-Fi</html>"}, "tiny/llama: the answer is not one of a hub"),
        ("api", {"body": b"{}"}, "tiny/llama: the answer is not one of a hub"),
        ("api", {"body": b"[1]"}, "tiny/llama: the answer is not one of a hub"),
        ("api", {"body": b'{"id": "x", "siblings": [{"rfilename": "config.json"}]}'}, "the answer is not one of a hub"),
        (WEIGHTS, {"flip": True}, "tiny/llama: model.safetensors has a wrong checksum; deleted, run the same command"),
        (WEIGHTS, {"extend": 5}, "tiny/llama: model.safetensors comes with 200125 bytes, the hub states 200120;"),
        (WEIGHTS, {"extend": -5}, "tiny/llama: model.safetensors comes with 200115 bytes, the hub states 200120;"),
    ],
    ids=lambda value: "-".join(map(str, value.values()))[:30] if isinstance(value, dict) else None,
)
def test_a_fault_is_one_line(box: Box, hub: Hub, where: str, details: dict[str, object], expected: str) -> None:
    assert len(hub.content(WEIGHTS)) == 200_120
    hub.fail(where, times=None, **details)
    result = box.fetch()
    assert expected.format(endpoint=hub.endpoint) in result.error
    assert not list(box.storage.glob(f"blobs/{sha256(hub.content(WEIGHTS))}*"))
    assert not box.snapshot.exists()
    assert not box.record.exists()


def test_access_that_is_lost_while_fetching_is_one_line_and_what_came_is_kept(box: Box, hub: Hub) -> None:
    hub.fail("config.json", method="HEAD", status=403, times=None)
    assert "tiny/llama: access is forbidden (403)" in box.fetch().error
    assert (box.storage / "blobs" / sha256(hub.content(WEIGHTS))).exists()


def test_after_bad_weights_the_same_command_succeeds(box: Box, hub: Hub) -> None:
    hub.fail(WEIGHTS, flip=True)
    assert box.fetch().status == 1
    assert box.fetch().status == 0
    assert hub.ranges(WEIGHTS) == [None, None]


def test_a_repository_that_is_not_there(box: Box, hub: Hub) -> None:
    box.register(f"{{hub: tiny/typo, revision: '{COMMIT}'}}")
    expected = "tiny/typo: is not on the hub, or private; check its spelling, or log in with: hf auth login"
    assert expected in box.fetch().error
    assert expected in box.fetch(HF_TOKEN="hf_secret").error


def test_a_revision_that_is_not_there(box: Box, hub: Hub) -> None:
    missing = "f" * 40
    box.register(f"{{hub: {hub.repo}, revision: {missing}}}")
    assert f"tiny/llama: has no revision {missing}; copy the full commit hash" in box.fetch().error


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}"}, "cannot reach http://127.0.0.1"),
        ({"HF_ENDPOINT": "http://no-such-host.invalid"}, "cannot reach http://no-such-host.invalid"),
        ({"HF_ENDPOINT": "nonsense"}, "HF_ENDPOINT is not a web address (nonsense)"),
        ({"HF_HUB_OFFLINE": "1"}, "is not complete in the cache and HF_HUB_OFFLINE is set"),
    ],
    ids=["refused", "unknown-host", "no-address", "offline"],
)
def test_no_connection_is_one_line(box: Box, environment: dict[str, str], expected: str) -> None:
    assert f"tiny/llama: {expected}" in box.fetch(**environment).error


# The token


def test_the_token_goes_to_the_hub_only_and_is_never_shown(box: Box, hub: Hub) -> None:
    hub.token = "hf_secret"
    hub.fail(WEIGHTS, cut_after=70_000)
    log = box.folder / "fetch.log"
    result = box.fetch("--log", log, HF_TOKEN="hf_secret")
    assert result.status == 0, result.stderr
    assert {seen.authorization for seen in hub.seen if seen.port == "api"} == {"Bearer hf_secret"}
    assert {seen.authorization for seen in hub.seen if seen.port == "cdn"} == {None}
    for shown in (result.stdout, result.stderr, log.read_text(), box.record.read_text()):
        assert "hf_secret" not in shown
        assert "secret-signature" not in shown


@pytest.mark.parametrize("token", ["hf_sec\x01ret", "hf_sécret", "hf_wrong"])
def test_a_bad_token_is_one_line_without_the_token(box: Box, hub: Hub, token: str) -> None:
    hub.token = "hf_secret"
    error = box.fetch(HF_TOKEN=token).error
    assert "HF_TOKEN" in error
    assert token not in error


# The log


def test_the_log_gets_what_the_standard_error_gets(box: Box, hub: Hub) -> None:
    log = box.folder / "logs/fetch/tiny.log"
    assert box.fetch("--log", log).stderr == log.read_text()
    hub.fail("api", times=None, status=418)
    result = box.fetch("--log", log, HF_HOME=str(box.folder / "empty"))
    assert f"error: {result.error}\n" in log.read_text()


def test_a_log_that_cannot_be_written_is_one_line(box: Box) -> None:
    error = box.fetch("--log", box.registry / "fetch.log").error
    assert f"{box.registry}: the log cannot be written" in error


# Room


def test_too_little_room_is_said_before_anything_is_fetched(box: Box, hub: Hub) -> None:
    prelude = "import shutil, collections; shutil.disk_usage = lambda p: collections.namedtuple('U', 'free')(1000)"
    assert "tiny/llama: needs 201 kB, " in (error := box.fetch(prelude=prelude).error)
    assert "has room for 1 kB; free some or set HF_HOME to a larger disk" in error
    assert not hub.asked_for()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_is_one_line_and_what_came_is_kept(box: Box, hub: Hub, small_disk: Path) -> None:
    prelude = "import shutil, collections; shutil.disk_usage = lambda p: collections.namedtuple('U', 'free')(1 << 40)"
    error = box.fetch(prelude=prelude, HF_HOME=str(small_disk)).error
    assert error.startswith(f"tiny/llama: no room left in {small_disk}/hub; free some or set HF_HOME")
    assert list(small_disk.rglob("*.incomplete"))


def test_a_limit_on_file_sizes_is_one_line(box: Box) -> None:
    prelude = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))"
    )
    assert "tiny/llama: no room left in" in box.fetch(prelude=prelude).error


def test_a_cache_that_cannot_be_written_is_one_line(box: Box, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = box.fetch(HF_HOME=str(tmp_path / "file")).error
    assert "Not a directory; mend it or set HF_HOME to a folder that you may write" in error
