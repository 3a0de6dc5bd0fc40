"""Every engine that can be had here, opened on the same embedded model, for the tests that all of them must pass."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from working_copy import ROOT
from yardstick.backends.base import Engine, ModelSpec, ServerSpec
from yardstick.backends.managed_server import free_port

MODEL = ROOT / "workflow/resources/embedded/yardstick-base"
LLAMA_SERVER = ROOT / "resources/llama-server/llama-server"
VLLM = ROOT / ".venv-vllm/bin/vllm"


def spec(path: Path | None, **changes: Any) -> ModelSpec:
    settings: dict[str, Any] = {"name": "tiny", "dtype": "float32", "device": "cpu"}
    return ModelSpec(path=path, **{**settings, "context_length": 512, "threads": 1, **changes})


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
    subprocess.run(command, check=True)
    return file


@contextlib.contextmanager
def transformers(_folder: Path) -> Iterator[Engine]:
    from yardstick.backends.transformers import TransformersEngine

    yield TransformersEngine(spec(MODEL))


@contextlib.contextmanager
def llama_cpp(folder: Path) -> Iterator[Engine]:
    if importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("llama-cpp-python is not installed: make test-llama-cpp")
    from yardstick.backends.llama_cpp import LlamaCppEngine

    yield LlamaCppEngine(spec(gguf_model(folder)))


@contextlib.contextmanager
def llama_server(folder: Path) -> Iterator[Engine]:
    """A real llama-server that runs already, as exact as it can be made."""
    if not LLAMA_SERVER.exists():
        pytest.skip("llama-server is not built: make test-llama-server")
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
    if not VLLM.exists():
        pytest.skip("vLLM is not installed: make test-vllm")
    from yardstick.backends.vllm import VllmEngine

    # A quarter of a GiB for the cache, and no compiling: a start of seconds and not of a minute.
    arguments = ("--kv-cache-memory-bytes", str(1 << 28), "--enforce-eager", "--max-num-seqs", "8")
    server = ServerSpec(command=str(VLLM), arguments=arguments, start_limit_s=300, log=folder / "vllm.log")
    yield VllmEngine(spec(MODEL, server=server))


def wait_until_healthy(url: str) -> None:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    raise TimeoutError(url)


# Engines with the same weights in the same number format: their greedy tokens must be equal.
MARKED = ("llama_cpp", "llama_server", "vllm")
REAL: dict[str, Callable[[Path], contextlib.AbstractContextManager[Engine]]] = {
    "transformers": transformers,
    "llama_cpp": llama_cpp,
    "llama_server": llama_server,
    "vllm": vllm,
}
