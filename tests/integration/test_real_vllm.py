"""A real vLLM on the processor, through the engine and through whole runs; test_conformance.py has what all engines do."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from real_servers import (
    KV_CACHE_BYTES,
    PROMPTS,
    VLLM,
    VLLM_ARGUMENTS,
    assert_all_end,
    processes_in,
    register,
    spec,
    writers_of,
)
from working_copy import WorkingCopy
from yardstick.backends.base import ServerSpec
from yardstick.backends.openai_server import OpenAIServerEngine
from yardstick.backends.transformers import TransformersEngine
from yardstick.backends.vllm import VllmEngine
from yardstick.errors import YardstickError

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.skipif(not VLLM.exists(), reason="vLLM is not installed: make test-vllm"),
]


def vllm_engine(log: Path, *arguments: str) -> VllmEngine:
    """Return an engine whose server is not yet started."""
    return VllmEngine(spec(ServerSpec(command=str(VLLM), arguments=(*VLLM_ARGUMENTS, *arguments), log=log)))


@pytest.fixture(scope="module")
def log(server_folder: Path) -> Path:
    return server_folder / "vllm.log"


@pytest.fixture(scope="module")
def engine(log: Path) -> Iterator[VllmEngine]:
    engine = vllm_engine(log)
    try:
        engine.prepare()
        engine.load()
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="module")
def url(engine: VllmEngine) -> str:
    return engine._client().url


def test_greedy_tokens_are_those_of_transformers(engine: VllmEngine, reference: TransformersEngine) -> None:
    expected = [reference.generate(prompt, 64) for prompt in PROMPTS]
    # The sample holds what is hard: going on behind the end of text.
    assert any(0 in completion.token_ids for completion in expected)
    assert [engine.generate(prompt, 64) for prompt in PROMPTS] == expected
    assert [engine.stream(prompt, 64).completion for prompt in PROMPTS] == expected


def test_answers_end_where_those_of_transformers_do(engine: VllmEngine, reference: TransformersEngine) -> None:
    for prompt in PROMPTS:
        assert engine.answer([prompt], 64, is_rendered=False) == reference.answer([prompt], 64, is_rendered=False)


def test_the_reserved_cache_is_told(engine: VllmEngine) -> None:
    reported = engine.reported_memory()
    assert reported.reserved_bytes == KV_CACHE_BYTES
    # On the processor vLLM tells nowhere what the weights take.
    assert reported.model_bytes is None


def test_threads_may_use_all_processors_that_the_job_may(engine: VllmEngine) -> None:
    """Left alone, vLLM pins one thread to each core that it finds, whatever number of threads it is told."""
    (job,) = engine.process_ids()
    allowed = psutil.Process(job).cpu_affinity()
    assert all(child.cpu_affinity() == allowed for child in psutil.Process(job).children(recursive=True))


def test_a_repeated_prompt_is_computed_anew(engine: VllmEngine, url: str) -> None:
    engine.generate(PROMPTS[0], 4)
    engine.generate(PROMPTS[0], 4)
    metrics = httpx.get(f"{url}/metrics").text
    assert 'enable_prefix_caching="False"' in metrics
    assert re.search(r"^vllm:prefix_cache_hits_total\{.*\} 0\.0$", metrics, re.MULTILINE)


@pytest.mark.parametrize("kind", [VllmEngine, OpenAIServerEngine])
def test_a_running_server_is_used_and_left_running(
    engine: VllmEngine, url: str, log: Path, reference: TransformersEngine, kind: type[OpenAIServerEngine]
) -> None:
    attached = kind(spec(ServerSpec(url=url, model="mini")))
    attached.load()
    assert attached.answer(PROMPTS[1:2], 32, is_rendered=False)[0].text == (
        reference.answer(PROMPTS[1:2], 32, is_rendered=False)[0].text
    )
    timed = attached.stream(PROMPTS[0], 32)
    assert timed.completion.output_tokens == len(timed.token_times_s) == 32
    # Its cache of prompts may be on: a prefix keeps it from helping.
    assert timed.completion.prompt_tokens > len(reference.tokenize(PROMPTS[0]))
    assert attached.tokenize(PROMPTS[0]) == reference.tokenize(PROMPTS[0])
    assert set(attached.process_ids()) <= {process.pid for process in writers_of(log)}
    assert attached.process_ids()
    attached.close()
    assert httpx.get(f"{url}/health").is_success


def test_a_model_that_a_running_server_lacks_is_one_line(url: str) -> None:
    with pytest.raises(YardstickError, match=r"^mini: the server has no model 'other'; it has mini$"):
        VllmEngine(spec(ServerSpec(url=url, model="other"))).load()


def test_what_the_server_refuses_is_one_line(engine: VllmEngine) -> None:
    with pytest.raises(YardstickError, match=r"^mini: .*maximum context length is 512 tokens.*$"):
        engine.generate("cat " * 600, 4)


def test_a_server_that_cannot_start_is_one_line_and_leaves_nothing(server_folder: Path) -> None:
    log = server_folder / "refused.log"
    engine = vllm_engine(log, "--no-such-argument")
    with pytest.raises(
        YardstickError, match=r"^mini: the server ended with status 2 \(.*--no-such-argument\); its log is"
    ):
        engine.load()
    engine.close()
    assert writers_of(log) == []


def test_closing_ends_all_processes(engine: VllmEngine, log: Path) -> None:
    """Stands behind the tests that use the server."""
    assert len(writers_of(log)) >= 3
    engine.close()
    assert writers_of(log) == []


class Run:
    """A run of Snakemake in a group of its own, as in a terminal."""

    def __init__(self, copy: WorkingCopy, model: str) -> None:
        self._copy = copy
        # A log of the run before would be taken for this one's.
        shutil.rmtree(copy.root / "logs", ignore_errors=True)
        self._process = subprocess.Popen(
            copy.command("ci_safe", "--config", f"models={model}"),
            cwd=copy.root,
            env=copy.environment(),
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for_server(self, metric: str = "*") -> psutil.Process:
        """Return the process that measures a metric, any by default, as soon as vLLM's engine process is there."""
        while not self._is_loading(metric):
            assert self._process.poll() is None, self.end()
            time.sleep(0.05)
        guards = [found for found in processes_in(self._copy.root) if "server_guard.py" in " ".join(found.cmdline())]
        job = guards[0].parent()
        assert job is not None
        return job

    def _is_loading(self, metric: str) -> bool:
        logs = (self._copy.root / "logs").glob(f"{metric}/**/*.server.log")
        return any("EngineCore pid=" in log.read_text(errors="replace") for log in logs)

    def interrupt(self) -> None:
        os.killpg(self._process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Return the exit status and all that was printed."""
        printed, _ = self._process.communicate(timeout=600)
        return self._process.returncode, printed


@pytest.fixture
def copy_with_vllm(working_copy: WorkingCopy, server_folder: Path) -> WorkingCopy:
    working_copy.edit_yaml("config/config.yaml", engines__vllm__command=str(VLLM))
    arguments = {"arguments": list(VLLM_ARGUMENTS)}
    source = {"embedded": "yardstick-mini"}
    register(working_copy, id="mini-vllm", backend="vllm", source=source, dtype="float32", server=arguments)
    return working_copy


# Eight starts of vLLM.
@pytest.mark.timeout(900)
def test_a_run_is_interrupted_and_its_job_killed_and_it_resumes(copy_with_vllm: WorkingCopy) -> None:
    copy = copy_with_vllm
    run = Run(copy, "mini-vllm")
    run.wait_for_server()
    run.interrupt()
    status, printed = run.end()
    assert status != 0
    assert "Traceback" not in printed
    assert_all_end(lambda: processes_in(copy.root))

    run = Run(copy, "mini-vllm")
    run.wait_for_server("latency").kill()
    status, printed = run.end()
    assert status == 1
    assert "latency mini-vllm" in printed[printed.index("wanted results are missing:") :]
    assert_all_end(lambda: processes_in(copy.root))

    finished = copy.shards()
    others = {"concurrency", "long_text", "memory", "reasoning", "reasoning_answers", "throughput"}
    assert metrics_of(copy) == others
    copy.snakemake("ci_safe", "--config", "models=mini-vllm")
    assert metrics_of(copy) == others | {"latency"}
    assert finished < copy.shards()
    assert processes_in(copy.root) == []

    (row,) = json.loads((copy.root / "leaderboard/leaderboard.json").read_text())["rows"]
    assert "reserved" in row["flags"]
    assert row["memory"]["reserved_mb"] == pytest.approx(KV_CACHE_BYTES / 1e6, rel=1e-4)


def metrics_of(copy: WorkingCopy) -> set[str]:
    return {path.split("/")[0].removeprefix("metric=") for path in copy.shards()}
