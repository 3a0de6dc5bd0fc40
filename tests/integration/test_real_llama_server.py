"""A real llama-server, through the engine and through whole runs; test_conformance.py has what all engines do."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from real_servers import LLAMA_SERVER, PROMPTS, gguf_model, register, running_llama_server, spec
from working_copy import WorkingCopy
from yardstick.backends.base import ServerSpec
from yardstick.backends.openai_server import OpenAIServerEngine
from yardstick.backends.transformers import TransformersEngine
from yardstick.errors import YardstickError

pytestmark = [
    pytest.mark.llama_server,
    pytest.mark.skipif(not LLAMA_SERVER.exists(), reason="llama-server is not built: make test-llama-server"),
]


@pytest.fixture(scope="module")
def model(server_folder: Path) -> Path:
    return gguf_model(server_folder)


@pytest.fixture(scope="module")
def url(model: Path, server_folder: Path) -> Iterator[str]:
    with running_llama_server(model, server_folder / "llama-server.log") as (url, _):
        yield url


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[OpenAIServerEngine]:
    engine = opened(url)
    yield engine
    engine.close()


def opened(url: str) -> OpenAIServerEngine:
    engine = OpenAIServerEngine(spec(ServerSpec(url=url, model="mini")))
    engine.prepare()
    engine.load()
    return engine


def test_answers_are_those_of_transformers(engine: OpenAIServerEngine, reference: TransformersEngine) -> None:
    for prompt in PROMPTS:
        (found,) = engine.answer([prompt], 64, is_rendered=False)
        (expected,) = reference.answer([prompt], 64, is_rendered=False)
        # llama-server keeps bytes back that are no whole character yet.
        assert found.text.rstrip("\ufffd") == expected.text.rstrip("\ufffd")
        assert (found.prompt_tokens, found.output_tokens, found.finish) == (
            expected.prompt_tokens,
            expected.output_tokens,
            expected.finish,
        )


def test_its_own_timings_are_kept_and_lie_within_the_callers(engine: OpenAIServerEngine) -> None:
    timed = engine.stream(PROMPTS[0], 64)
    assert timed.engine_prefill_s is not None
    assert timed.engine_decode_s is not None
    assert 0 < timed.engine_prefill_s + timed.engine_decode_s < timed.token_times_s[-1] - timed.start_s


def test_an_answer_that_exceeds_the_context_is_one_line(engine: OpenAIServerEngine) -> None:
    """llama-server itself stops there without a word."""
    with pytest.raises(YardstickError, match=r"^mini: a prompt of 4 tokens and 600 new ones exceed .* context; .*$"):
        engine.generate(PROMPTS[2], 600)


def test_a_repeated_prompt_is_computed_anew(model: Path, server_folder: Path) -> None:
    with running_llama_server(model, server_folder / "fresh.log") as (url, _):
        engine = opened(url)
        completions = [engine.generate(PROMPTS[0], 4), engine.generate(PROMPTS[0], 4)]
        completions.append(engine.stream(PROMPTS[0], 4).completion)
        assert counter(url, "prompt_tokens_cached_total") == 0
        assert counter(url, "prompt_tokens_total") == sum(completion.prompt_tokens for completion in completions)
        engine.close()


def counter(url: str, name: str) -> int:
    found = re.search(rf"^llamacpp:{name} (\d+)$", httpx.get(f"{url}/metrics").text, re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_a_server_that_dies_in_a_request_is_one_line(model: Path, server_folder: Path) -> None:
    with (
        running_llama_server(model, server_folder / "dying.log") as (url, server),
        ThreadPoolExecutor(1) as threads,
    ):
        engine = opened(url)
        # A stopped server takes the request and cannot answer it.
        server.send_signal(signal.SIGSTOP)
        answer = threads.submit(engine.stream, PROMPTS[0], 64)
        server.kill()
        with pytest.raises(YardstickError, match=r"^mini: (http\S+ broke off|no server at) .*$"):
            answer.result()
        engine.close()


def test_a_run_measures_it_and_leaves_it_running(
    working_copy: WorkingCopy, url: str, model: Path, server_folder: Path
) -> None:
    register(working_copy, id="mini-llama-server", backend="openai", source={"served": "mini"}, server={"url": url})
    arguments = ("ci_safe", "--config", "models=mini-llama-server")
    working_copy.snakemake(*arguments)
    metrics = {path.split("/")[0].removeprefix("metric=") for path in working_copy.shards()}
    assert metrics == {"concurrency", "latency", "long_text", "memory", "reasoning", "reasoning_answers", "throughput"}
    (row,) = json.loads((working_copy.root / "leaderboard/leaderboard.json").read_text())["rows"]
    assert row["memory"]["reserved_mb"] == 0
    assert not {"reserved", "short"} & set(row["flags"])
    assert httpx.get(f"{url}/health").is_success


def test_a_model_whose_server_is_down_is_left_out(working_copy: WorkingCopy) -> None:
    server = {"url": "http://127.0.0.1:9"}
    register(working_copy, id="mini-llama-server", backend="openai", source={"served": "mini"}, server=server)
    done = working_copy.snakemake("ci_safe", "--config", "models=mini-llama-server")
    assert "mini-llama-server: no server answers at http://127.0.0.1:9; start it" in done.stdout + done.stderr
    assert working_copy.shards() == set()


def test_the_build_is_of_the_version_that_is_installed() -> None:
    """One llama.cpp for both, or they could not be compared."""
    locked = (LLAMA_SERVER.parents[2] / "envs/requirements-llama-cpp.txt").read_text()
    built = (LLAMA_SERVER.parent / "version.txt").read_text().strip()
    assert f"llama_cpp_python=={built}" in locked.replace("-", "_")
    assert subprocess.run([LLAMA_SERVER, "--version"], capture_output=True, check=False).returncode == 0
