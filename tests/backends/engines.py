"""Every engine, for the tests that all of them must pass: real ones on the same embedded model, and stand-ins for the rest."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from servers.run_fake import in_process
from working_copy import ROOT
from yardstick.backends.base import Engine, ModelSpec, ServerSpec
from yardstick.backends.managed_server import free_port

MODEL = ROOT / "workflow/resources/embedded/yardstick-base"
LLAMA_SERVER = ROOT / "resources/llama-server/llama-server"
VLLM = ROOT / ".venv-vllm/bin/vllm"
STAND_INS = ROOT / "tests/servers"


def spec(path: Path | None, **changes: Any) -> ModelSpec:
    settings: dict[str, Any] = {"name": "tiny", "dtype": "float32", "device": "cpu"}
    return ModelSpec(path=path, **{**settings, "context_length": 512, "threads": 1, **changes})


def need(name: str) -> None:
    """Skip a test whose engine is not installed."""
    if name == "llama_cpp" and importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("llama-cpp-python is not installed: make test-llama-cpp")
    if name == "llama_server" and not LLAMA_SERVER.exists():
        pytest.skip("llama-server is not built: make test-llama-server")
    if name == "vllm" and not VLLM.exists():
        pytest.skip("vLLM is not installed: make test-vllm")


def gguf_model(folder: Path) -> Path:
    """Return the embedded model as a GGUF file in float32, made by the project's script."""
    pytest.importorskip("gguf", reason="gguf is not installed: make test-llama-cpp")
    file = folder / "model.gguf"
    command = [
        sys.executable,
        ROOT / "scripts/convert_to_gguf.py",
        str(MODEL),
        "--output",
        str(file),
        "--format",
        "f32",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return file


@contextlib.contextmanager
def transformers(_folder: Path) -> Iterator[Engine]:
    from yardstick.backends.transformers import TransformersEngine

    yield TransformersEngine(spec(MODEL))


@contextlib.contextmanager
def llama_cpp(folder: Path) -> Iterator[Engine]:
    need("llama_cpp")
    from yardstick.backends.llama_cpp import LlamaCppEngine

    yield LlamaCppEngine(spec(gguf_model(folder)))


@contextlib.contextmanager
def llama_server(folder: Path) -> Iterator[Engine]:
    """A real llama-server that runs already, as exact as it can be made."""
    need("llama_server")
    from yardstick.backends.openai_server import OpenAIServerEngine

    port = free_port()
    exact = ["-fa", "off", "-ctk", "f32", "-ctv", "f32", "-t", "1", "-tb", "1", "-c", "2048", "-np", "4"]
    address = ["--host", "127.0.0.1", "--port", str(port), "--alias", "tiny", "--no-webui"]
    command = [str(LLAMA_SERVER), "-m", str(gguf_model(folder)), *address, *exact]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/health")
            url = f"http://127.0.0.1:{port}"
            yield OpenAIServerEngine(spec(None, server=ServerSpec(url=url, model="tiny")))
        finally:
            server.kill()


@contextlib.contextmanager
def vllm(folder: Path) -> Iterator[Engine]:
    need("vllm")
    from yardstick.backends.vllm import VllmEngine

    # A quarter of a GiB for the cache, and no compiling: a start of seconds and not of a minute.
    arguments = ("--kv-cache-memory-bytes", str(1 << 28), "--enforce-eager", "--max-num-seqs", "8")
    server = ServerSpec(
        command=str(VLLM), arguments=arguments, start_limit_s=300, log=folder / "vllm.log", waiting=lambda text: None
    )
    yield VllmEngine(spec(MODEL, server=server))


def wait_until_healthy(url: str) -> None:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    raise TimeoutError(url)


# Uneven gaps, so that a time given to the wrong token shows.
SCHEDULE = {"ttft_ms": 30, "gaps_ms": (4, 16)}


@contextlib.contextmanager
def ollama_stand_in(_folder: Path) -> Iterator[Engine]:
    from yardstick.backends.ollama import OllamaEngine

    with in_process("ollama", schedule=SCHEDULE) as fake:
        server = ServerSpec(url=fake.url, model="tiny:latest", waiting=lambda text: None)
        yield OllamaEngine(spec(None, server=server))


@contextlib.contextmanager
def llama_server_stand_in(_folder: Path) -> Iterator[Engine]:
    from yardstick.backends.openai_server import OpenAIServerEngine

    with in_process("llama_server", schedule=SCHEDULE) as fake:
        yield OpenAIServerEngine(spec(None, server=ServerSpec(url=fake.url, model="tiny")))


def vllm_stand_in(folder: Path) -> contextlib.AbstractContextManager[Engine]:
    from yardstick.backends.vllm import VllmEngine

    return _started_stand_in("vllm", VllmEngine, folder)


def trtllm_stand_in(folder: Path) -> contextlib.AbstractContextManager[Engine]:
    from yardstick.backends.trtllm import TrtllmEngine

    return _started_stand_in("trtllm", TrtllmEngine, folder)


@contextlib.contextmanager
def _started_stand_in(kind: str, engine: type[Engine], folder: Path) -> Iterator[Engine]:
    """An engine that starts a program which takes the command line of the real one; a child of it leaves the session."""
    model = folder / "tiny"
    model.mkdir(exist_ok=True)
    command = str(STAND_INS / f"fake_{kind}_command.py")
    server = ServerSpec(command=command, start_limit_s=60, log=folder / "server.log", waiting=lambda text: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_SERVER_SETTINGS", json.dumps({"schedule": SCHEDULE}))
        patch.setenv("FAKE_SERVER_FAULTS", "stray")
        yield engine(spec(model, server=server))


Opened = Callable[[Path], contextlib.AbstractContextManager[Engine]]
# Engines with the same weights in the same number format: their greedy tokens must be equal.
MARKED = ("llama_cpp", "llama_server", "vllm")
REAL: dict[str, Opened] = {
    "transformers": transformers,
    "llama_cpp": llama_cpp,
    "llama_server": llama_server,
    "vllm": vllm,
}
# Servers that keep a script, for what cannot be had everywhere.
SCRIPTED: dict[str, Opened] = {
    "ollama_stand_in": ollama_stand_in,
    "llama_server_stand_in": llama_server_stand_in,
    "vllm_stand_in": vllm_stand_in,
    "trtllm_stand_in": trtllm_stand_in,
}
