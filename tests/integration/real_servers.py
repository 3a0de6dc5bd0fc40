"""What the tests with real servers share: where the programs are, what is asked, and which processes belong to one."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from engines import wait_until_healthy
from working_copy import ROOT, WorkingCopy
from yardstick.backends.base import ModelSpec, ServerSpec
from yardstick.backends.managed_server import free_port

VLLM = ROOT / ".venv-vllm/bin/vllm"
LLAMA_SERVER = ROOT / "resources/llama-server/llama-server"
MODEL = ROOT / "workflow/resources/embedded/yardstick-mini"

# A quarter of a GiB for the cache, and no compiling: a start of 15 s and not of a minute.
KV_CACHE_BYTES = 1 << 28
VLLM_ARGUMENTS = ("--kv-cache-memory-bytes", str(KV_CACHE_BYTES), "--enforce-eager", "--max-num-seqs", "8")

PROMPTS = (
    "The river rises in the hills north of the town, runs past the old mill and reaches the sea.",
    "What is 2 plus 3?",
    "The cat sat",
    "Once",
    "a",
    "Zürich, naïve, 東京 🙂\n\n\t1234567890",
)


def spec(server: ServerSpec | None = None) -> ModelSpec:
    """Return the specification of the smaller shipped model in float32 on one thread."""
    return ModelSpec(
        name="mini",
        path=MODEL,
        dtype="float32",
        device="cpu",
        context_length=512,
        threads=1,
        server=server or ServerSpec(),
    )


def gguf_model(folder: Path) -> Path:
    """Return the smaller shipped model as a GGUF file in float32, made by the project's script."""
    pytest.importorskip("gguf", reason="gguf is not installed: make test-llama-cpp")
    file = folder / "mini.gguf"
    command = [sys.executable, ROOT / "scripts/convert_to_gguf.py", MODEL, "--output", file, "--format", "f32"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return file


@contextlib.contextmanager
def running_llama_server(model: Path, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run llama.cpp's server with a GGUF file, as exact as it can be made; yield its address and process."""
    port = free_port()
    exact = ("-fa", "off", "-ctk", "f32", "-ctv", "f32", "-t", "1", "-tb", "1", "-c", "2048", "-np", "4")
    address = ("--host", "127.0.0.1", "--port", str(port), "--alias", "mini", "--no-webui", "--metrics")
    command = [str(LLAMA_SERVER), "-m", str(model), *address, *exact]
    with log.open("wb") as printed, subprocess.Popen(command, stdout=printed, stderr=printed) as server:
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}", server
        finally:
            server.kill()


def register(copy: WorkingCopy, **fields: Any) -> None:
    """Add the smaller shipped model to a working copy's registry under another name, with another backend."""
    file = copy.root / "config/models.yaml"
    described = {"parameters": 172352, "license": "mit", "description": "In a real server.", "memory_mb": 1000}
    common = {"tier": "ci_safe", "context_length": 512, "chat_template": True, **described}
    file.write_text(f"{file.read_text().rstrip()}\n\n  - {json.dumps(common | fields)}\n")


def writers_of(log: Path) -> list[psutil.Process]:
    """Return the processes that have a server's log open: the server, all that it started, and their guard."""
    return [process for process in psutil.process_iter() if _has_open(process, log.resolve())]


def processes_in(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in a folder."""
    return [process for process in psutil.process_iter() if _works_in(process, folder.resolve())]


def assert_all_end(find: Callable[[], list[psutil.Process]]) -> None:
    """Wait for the processes that are found to end; fail if some live on for a minute."""
    psutil.wait_procs(find(), timeout=60)
    assert [process.cmdline() for process in find()] == []


def _has_open(process: psutil.Process, file: Path) -> bool:
    try:
        return any(found.readlink() == file for found in Path(f"/proc/{process.pid}/fd").iterdir())
    except OSError:
        return False


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except (psutil.Error, OSError):
        return False
