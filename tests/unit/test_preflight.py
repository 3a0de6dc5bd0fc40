"""Which models a machine cannot run, and what is said of each."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from working_copy import ROOT
from yardstick import machine, preflight
from yardstick.config import load_config
from yardstick.machine import usable_memory_bytes
from yardstick.paths import SUITES
from yardstick.plan import Inputs, Plan
from yardstick.preflight import refusals
from yardstick.registry import ModelEntry, parse_registry
from yardstick.shard_paths import Listing
from yardstick.suites.load import load_suites

REVISION = "0" * 40
CONFIG = load_config(ROOT / "config/config.yaml")


def entry(**changes: Any) -> ModelEntry:
    fields = {
        "id": "model",
        "tier": "ci_safe",
        "backend": "transformers",
        "source": {"embedded": "tiny"},
        "dtype": "float32",
        "context_length": 512,
        "chat_template": False,
        "parameters": 10,
        "license": "mit",
        "description": "A model.",
        "memory_mb": 1,
    }
    return parse_registry({"models": [{**fields, **changes}]}, file="x")["model"]


HUB = {"hub": "owner/name", "revision": REVISION}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty hub cache, and a hub that refuses connections."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    preflight._connection_problem.cache_clear()
    yield tmp_path
    preflight._connection_problem.cache_clear()


def refusal(model: ModelEntry) -> str:
    return preflight.refusals([model], CONFIG)["model"]


def put_snapshot(cache: Path, *names: str) -> None:
    folder = cache / "models--owner--name" / "snapshots" / REVISION
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()


def test_a_model_that_fits_is_not_refused() -> None:
    assert preflight.refusals([entry()], CONFIG) == {}


def test_more_memory_than_the_machine_has_is_refused_with_both_numbers() -> None:
    available = usable_memory_bytes() // 1_000_000
    assert preflight.refusals([entry(memory_mb=available)], CONFIG) == {}
    assert refusal(entry(memory_mb=available + 1)) == (
        f"needs {available + 1} MB of memory, this machine has {available} MB; use a larger machine"
    )


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    assert refusal(entry(device="mps")).startswith("needs device mps, which this machine has not; set device: cpu")


@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="this machine has such a device")
def test_a_graphics_processor_that_is_not_there_is_refused() -> None:
    assert "needs device cuda" in refusal(entry(device="cuda"))


def test_a_hub_that_refuses_connections_is_named_with_the_remedy() -> None:
    assert refusal(entry(source=HUB)) == (
        "owner/name is not in the hub cache and the hub cannot be reached (connection refused); connect and run again"
    )


@pytest.mark.parametrize(
    "endpoint",
    ["http://hub.invalid", "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://[", "http://" + "a" * 70 + ".b"],
)
def test_an_address_that_leads_nowhere_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    line = refusal(entry(source=HUB))
    assert "the hub cannot be reached (" in line
    assert len(line.splitlines()) == 1


def test_behind_a_proxy_the_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert preflight._connection_problem("http://hub.invalid") is None
        monkeypatch.setenv("no_proxy", "hub.invalid")
        preflight._connection_problem.cache_clear()
        assert preflight._connection_problem("http://hub.invalid") is not None


def test_a_hub_that_is_switched_off_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE switches the hub off" in refusal(entry(source=HUB))


def test_a_cached_snapshot_needs_no_hub(cache: Path) -> None:
    put_snapshot(cache, "config.json", "model.safetensors", "tokenizer.json")
    assert preflight.refusals([entry(source=HUB)], CONFIG) == {}


def test_a_part_of_a_snapshot_is_not_enough(cache: Path) -> None:
    put_snapshot(cache, "config.json", "tokenizer.json")
    assert "is not in the hub cache" in refusal(entry(source=HUB))


def test_another_revision_is_not_enough(cache: Path) -> None:
    put_snapshot(cache, "config.json", "model.safetensors", "tokenizer.json")
    assert "is not in the hub cache" in refusal(entry(source={**HUB, "revision": "1" * 40}))


def test_the_hub_is_asked_once_for_all_models(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    real = socket.create_connection

    def connect(address: Any, **options: Any) -> socket.socket:
        asked.append(address)
        return real(address, **options)

    monkeypatch.setattr(preflight.socket, "create_connection", connect)
    models = [entry(source={**HUB, "hub": f"owner/n{number}"}) for number in range(5)]
    for model in models:
        assert preflight.refusals([model], CONFIG)
    assert len(asked) == 1


def test_a_model_is_refused_for_its_first_reason_alone() -> None:
    assert refusal(entry(source=HUB, memory_mb=10**9)).startswith("needs 1000000000 MB")


def test_memory_is_predicted_from_the_shape_where_the_registry_says_too_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = _shaped(tmp_path)
    plan = Plan(Inputs(tmp_path, CONFIG, {"model": large}, load_suites(ROOT / SUITES), Listing(), 1))
    monkeypatch.setattr(preflight, "usable_memory_bytes", lambda: 10**9)
    (line,) = refusals([large], CONFIG, plan=plan).values()

    # 1.1 billion weights of four bytes.
    assert re.match(r"needs about \d+ MB of memory \(predicted, \d+ to \d+\), this machine has 1000 MB; use", line)
    monkeypatch.setattr(preflight, "usable_memory_bytes", lambda: 64 * 10**9)
    assert refusals([large], CONFIG, plan=plan) == {}


def _shaped(root: Path) -> ModelEntry:
    (root / "large").mkdir()
    config = {
        "model_type": "llama", "vocab_size": 32000, "hidden_size": 2048, "intermediate_size": 5632,
        "num_hidden_layers": 22, "num_attention_heads": 32, "num_key_value_heads": 4, "max_position_embeddings": 2048,
    }  # fmt: skip
    (root / "large/config.json").write_text(json.dumps(config))
    return entry(source={"path": "large"}, memory_mb=1)
