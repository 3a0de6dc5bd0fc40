"""A snapshot that is in the cache: finding it, checking it, using it without the hub."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hub_box import ROOT, WEIGHTS, Box, closed_port
from hub_server import COMMIT, Hub
from yardstick.hub import cached_snapshot

# The cached snapshot


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}"}, "no connection"),
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
    ],
    ids=["refused", "offline"],
)
def test_a_cached_snapshot_serves_without_the_hub(
    box: Box, hub: Hub, environment: dict[str, str], expected: str
) -> None:
    assert box.fetch().status == 0
    before = box.record.read_bytes()
    hub.forget()
    box.record.unlink()
    result = box.fetch(**environment)
    assert result.status == 0, result.stderr
    assert result.stderr.startswith(f"tiny/llama: {expected}; the cached snapshot serves\n")
    assert box.record.read_bytes() == before
    assert not hub.seen


def test_damaged_cached_weights_are_fetched_again(box: Box, hub: Hub) -> None:
    assert box.fetch().status == 0
    weights = (box.snapshot / WEIGHTS).resolve()
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    result = box.fetch()
    assert result.status == 0, result.stderr
    assert "from an earlier run has a wrong checksum; fetching it again" in result.stderr
    assert (box.snapshot / WEIGHTS).read_bytes() == hub.content(WEIGHTS)


def test_damaged_cached_weights_do_not_serve_offline(box: Box) -> None:
    assert box.fetch().status == 0
    weights = (box.snapshot / WEIGHTS).resolve()
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    assert "HF_HUB_OFFLINE is set" in box.fetch(HF_HUB_OFFLINE="1").error
    assert not weights.exists()


def test_cached_snapshot_finds_only_what_can_be_loaded(box: Box, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(box.home))
    assert cached_snapshot(hub.repo, COMMIT) is None
    assert box.fetch().status == 0
    assert cached_snapshot(hub.repo, COMMIT) == box.snapshot
    assert cached_snapshot(hub.repo, "f" * 40) is None
    (box.snapshot / WEIGHTS).resolve().unlink()
    assert cached_snapshot(hub.repo, COMMIT) is None


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HF_HOME": "~/mine"},
        {"HF_HOME": "$HOME/mine"},
        {"XDG_CACHE_HOME": "/caches"},
        {"HF_HUB_CACHE": "/hub", "HF_HOME": "/ignored"},
        {"HUGGINGFACE_HUB_CACHE": "/legacy"},
        {"HF_HOME": ""},
    ],
    ids=str,
)
def test_the_cache_is_where_the_hubs_client_looks(environment: dict[str, str]) -> None:
    script = (
        "import sys; from yardstick.hub.cache import hub_cache; import yardstick.hub;"
        "assert 'huggingface_hub' not in sys.modules; from huggingface_hub.constants import HF_HUB_CACHE;"
        "print(hub_cache()); print(HF_HUB_CACHE)"
    )
    base = {"HOME": "/somebody", "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", script]
    ours, theirs = subprocess.run(
        command, env=base | environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert ours == theirs
