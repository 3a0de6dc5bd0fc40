"""Servers that an engine for OpenAI's API starts, asks and ends itself: vLLM's and TensorRT-LLM's stand-ins, faults included."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from engines import spec
from openai_kinds import KINDS, PROMPT, one_line
from working_copy import ROOT
from yardstick.backends.base import Engine, ServerSpec
from yardstick.backends.vllm import _CHOSEN_CACHE, _last_gib
from yardstick.errors import YardstickError

COMMANDS = ROOT / "tests/servers"


class Managed:
    """An engine whose server is a stand-in for the real program."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.record_file = folder / "record.json"
        self.log = folder / "server.log"
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("FAKE_SERVER_RECORD", str(self.record_file))
        (folder / "my-model").mkdir()
        self.model = folder / "my-model"

    def engine(self, kind: str, *, faults: str = "", arguments: tuple[str, ...] = (), limit_s: float = 60) -> Engine:
        self._monkeypatch.setenv("FAKE_SERVER_FAULTS", faults)
        command = str(COMMANDS / f"fake_{kind}_command.py")
        server = ServerSpec(
            command=command,
            arguments=arguments,
            start_limit_s=limit_s,
            log=self.log,
            waiting=lambda text: None,
        )
        return KINDS[kind][1](spec(self.model, server=server))

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.record_file.read_text())
        return found

    def is_gone(self) -> bool:
        return not any(psutil.pid_exists(self.record()[name]) for name in ("pid", "child"))


@pytest.fixture
def managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Managed]:
    place = Managed(tmp_path, monkeypatch)
    yield place
    assert not place.record_file.exists() or place.is_gone()


@pytest.fixture(params=["vllm", "trtllm"])
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_server_of_ones_own_is_started_asked_and_ended(program: str, managed: Managed) -> None:
    engine = managed.engine(program)
    engine.prepare()
    engine.load()
    try:
        assert not managed.is_gone()
        assert engine.generate(PROMPT, 5).output_tokens == 5
        # Nothing caches prompts, so they stay as they are.
        assert not engine.changes_prompts
        assert engine.stream(PROMPT, 5).completion.prompt_tokens == 5
        family = {child.pid for pid in engine.process_ids() for child in psutil.Process(pid).children(recursive=True)}
        assert {managed.record()["pid"], managed.record()["child"]} <= family
    finally:
        engine.close()
    assert managed.is_gone()
    engine.close()


def test_the_programs_are_told_what_to_run(managed: Managed) -> None:
    engine = managed.engine("vllm", arguments=("--enforce-eager",))
    engine.load()
    engine.close()
    words = managed.record()["arguments"]
    pairs = dict(itertools.pairwise(words))
    assert words[:2] == ["serve", str(managed.model)]
    assert (pairs["--host"], pairs["--dtype"], pairs["--max-model-len"]) == ("127.0.0.1", "float32", "512")
    assert {"--no-enable-prefix-caching", "--enforce-eager"} <= set(words)
    assert managed.record()["environment"]["HF_HUB_OFFLINE"] == "1"


def test_the_settings_of_trtllm_are_there_while_it_runs(managed: Managed) -> None:
    engine = managed.engine("trtllm")
    engine.load()
    words = managed.record()["arguments"]
    settings = Path(words[words.index("--config") + 1])
    assert json.loads(settings.read_text())["kv_cache_config"] == {"enable_block_reuse": False}
    engine.generate(PROMPT, 1)
    assert engine.reported_memory().reserved_bytes > 0
    engine.close()
    assert not settings.exists()


def test_vllms_memory_is_in_its_log(managed: Managed) -> None:
    engine = managed.engine("vllm")
    engine.load()
    reported = engine.reported_memory()
    engine.close()
    assert (reported.model_bytes, reported.reserved_bytes) == (round(1.25 * 2**30), round(2.5 * 2**30))


@pytest.mark.parametrize(
    ("line", "gib"),
    [
        ("(EngineCore pid=1) INFO [gpu_worker.py:760] Available KV cache memory: 2.50 GiB", 2.5),
        (
            "(EngineCore pid=1) INFO [cpu_worker.py:260] Auto set (8.47/9.21) GiB for KV cache on node 0, with 9 GiB",
            8.47,
        ),
        ("(EngineCore pid=1) INFO [cpu_worker.py:260] Explicitly set (0.25/9.21) GiB for KV cache on node 0.", 0.25),
    ],
)
def test_vllms_words_on_its_cache_are_known(line: str, gib: float) -> None:
    assert _last_gib(_CHOSEN_CACHE, f"CPU KV cache size: 262,144 tokens\n{line}\n") == round(gib * 2**30)


@pytest.mark.parametrize("faults", ["crash", "crash stray"])
def test_a_crash_at_start_is_one_line_with_the_reason(program: str, managed: Managed, faults: str) -> None:
    engine = managed.engine(program, faults=faults)
    with pytest.raises(YardstickError) as raised:
        engine.load()
    engine.close()
    assert "ended with status 1 (ValueError: no room for the cache: raise gpu_memory_utilization)" in one_line(raised)
    assert str(managed.log) in str(raised.value)


@pytest.mark.parametrize("faults", ["silent", "unhealthy stray"])
def test_a_server_that_never_gets_healthy_is_given_up(program: str, managed: Managed, faults: str) -> None:
    engine = managed.engine(program, faults=faults, limit_s=1)
    with pytest.raises(YardstickError) as raised:
        engine.load()
    engine.close()
    assert "not ready after 1 s; raise start_limit_s" in one_line(raised)


def test_a_flag_that_the_program_lacks_is_one_line(managed: Managed) -> None:
    engine = managed.engine("vllm", arguments=("--no-such-flag",))
    with pytest.raises(YardstickError) as raised:
        engine.load()
    engine.close()
    assert "unrecognized arguments: --no-such-flag" in one_line(raised)


def test_a_server_that_dies_between_requests_is_one_line(program: str, managed: Managed) -> None:
    engine = managed.engine(program)
    engine.load()
    psutil.Process(managed.record()["pid"]).kill()
    with pytest.raises(YardstickError) as raised:
        ask_for_ever(engine)
    engine.close()
    one_line(raised)


def ask_for_ever(engine: Engine) -> None:
    """Ask until the engine gives up: a killed process may answer once more."""
    while True:
        engine.generate(PROMPT, 1)


@pytest.mark.slow
def test_a_deaf_server_with_a_stray_child_is_ended(managed: Managed) -> None:
    engine = managed.engine("vllm", faults="deaf stray")
    engine.load()
    engine.close()
    assert managed.is_gone()
