"""Which engines are here and ready, and what is known of them before anything is started."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers.fake_llama_server import FakeLlamaServer
from servers.fake_ollama import FakeOllama
from working_copy import ROOT
from yardstick import engine_facts
from yardstick.config import Config, parse_config
from yardstick.engine_checks import engine_refusal, is_elsewhere
from yardstick.engine_facts import environment_facts, program_packages
from yardstick.registry import ModelEntry, parse_registry

SHIPPED = yaml.safe_load((ROOT / "config/config.yaml").read_text())


@pytest.fixture(autouse=True)
def fresh_facts() -> None:
    """Facts are remembered for one run."""
    remembered = (engine_facts.program_packages, engine_facts.server_facts, engine_facts.ollama_digests)
    for function in (*remembered, engine_facts.is_answering):
        function.cache_clear()


def config(url: str = "http://127.0.0.1:9", *, pull: bool = True, vllm: str = "no-such-vllm") -> Config:
    engines = {
        "ollama": {"url": url, "pull": pull},
        "vllm": {"command": vllm, "start_limit_s": 9},
        "trtllm": {"command": "no-such-trtllm", "start_limit_s": 9},
    }
    return parse_config({**SHIPPED, "engines": engines}, file="config.yaml")


def entry(**changes: Any) -> ModelEntry:
    fields: dict[str, Any] = {
        "id": "model",
        "tier": "local_only",
        "backend": "ollama",
        "source": {"ollama": "tiny:1b"},
        "context_length": 512,
        "chat_template": True,
        "parameters": 10,
        "license": "mit",
        "description": "A model.",
        "memory_mb": 1,
    }
    return parse_registry({"models": [{**fields, **changes}]}, file="x")["model"]


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    server = FakeOllama()
    with server.running():
        yield server


def digest_of(server: FakeOllama) -> str:
    return server.models[0].digest


def held(server: FakeOllama, *, digest: str | None = None) -> ModelEntry:
    """Return an entry for the model that the server has."""
    source = {"ollama": server.models[0].name} | ({"digest": digest} if digest else {})
    return entry(source=source)


def test_a_model_that_the_server_has_is_not_refused(ollama: FakeOllama) -> None:
    assert engine_refusal(held(ollama), config(ollama.url)) is None
    assert engine_refusal(held(ollama, digest=digest_of(ollama)[:12]), config(ollama.url)) is None


def test_no_ollama_server_is_named_with_the_remedy() -> None:
    assert engine_refusal(entry(), config()) == (
        "no Ollama server answers at http://127.0.0.1:9; start it with: ollama serve"
    )


def test_a_model_that_the_server_lacks_is_pulled_only_with_a_digest(ollama: FakeOllama) -> None:
    lacking = "the Ollama server has no absent:7b; run: ollama pull absent:7b"
    pinned = entry(source={"ollama": "absent:7b", "digest": "0" * 12})
    assert engine_refusal(entry(source={"ollama": "absent:7b"}), config(ollama.url)) == lacking
    assert engine_refusal(pinned, config(ollama.url)) is None
    assert engine_refusal(pinned, config(ollama.url, pull=False)) == lacking


def test_another_digest_is_named(ollama: FakeOllama) -> None:
    line = engine_refusal(held(ollama, digest="0" * 12), config(ollama.url))
    assert line is not None
    assert f"has digest {digest_of(ollama)[:12]}, the registry names 000000000000" in line


def test_the_digest_is_part_of_the_environment_where_the_registry_names_none(ollama: FakeOllama) -> None:
    known = config(ollama.url)
    assert environment_facts(held(ollama), known)["server"] == {"ollama": ollama.version, "digest": digest_of(ollama)}
    assert environment_facts(held(ollama, digest=digest_of(ollama)), known)["server"] == {"ollama": ollama.version}


def served(url: str, backend: str = "openai") -> ModelEntry:
    return entry(backend=backend, source={"served": "tiny"}, server={"url": url})


def test_a_running_server_is_asked_for_its_version() -> None:
    server = FakeLlamaServer()
    with server.running():
        assert engine_refusal(served(server.url), config()) is None
        assert environment_facts(served(server.url), config())["server"] == {"llama-server": server.version}
    engine_facts.is_answering.cache_clear()
    line = engine_refusal(served(server.url), config())
    assert line == f"no server answers at {server.url}; start it, or correct server.url"


@pytest.mark.parametrize("backend", ["vllm", "trtllm"])
def test_a_program_that_is_not_installed_is_named(backend: str) -> None:
    model = entry(backend=backend, source={"embedded": "yardstick-mini"}, dtype="float32")
    line = engine_refusal(model, config())
    assert line is not None
    assert line.startswith(f"no-such-{backend} is not installed; ")
    assert f"engines.{backend}.command" in line


def test_versions_come_from_the_environment_of_the_program(tmp_path: Path) -> None:
    packages = tmp_path / "lib/python3.12/site-packages"
    (packages / "vllm-0.32.0.dist-info").mkdir(parents=True)
    (packages / "vllm-0.32.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0\n")
    program = tmp_path / "bin/vllm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert program_packages(str(program), ("vllm", "torch")) == {"vllm": "0.32.0"}
    model = entry(backend="vllm", source={"embedded": "yardstick-mini"}, dtype="float32")
    assert engine_refusal(model, config(vllm=str(program))) is None
    assert environment_facts(model, config(vllm=str(program)))["packages"] == {"vllm": "0.32.0"}


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    line = engine_refusal(entry(backend="llama_cpp", source={"path": "local/model.gguf"}), config())
    assert line is not None
    assert "pip install -r envs/requirements-llama-cpp.txt" in line


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1", False),
        ("http://localhost:1", False),
        ("http://[::1]:1", False),
        ("http://10.1.2.3:1", True),
        ("http://gpu-box:1", True),
    ],
)
def test_a_server_on_another_machine_needs_nothing_of_this_one(url: str, expected: bool) -> None:
    assert is_elsewhere(served(url), config()) is expected
