"""Running the scripts as a user does, in a place of its own, against the small hub."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hub_server import COMMIT, Hub

ROOT = Path(__file__).resolve().parents[2]

ENTRY = """
  - id: {id}
    tier: ci_safe
    backend: transformers
    source: {source}
    dtype: float32
    context_length: 128
    chat_template: false
    parameters: 1000
    license: mit
    description: Made by a test.
    memory_mb: 10
    allow_pickle: {allow_pickle}
    allow_remote_code: {allow_remote_code}
"""


def safetensors(**tensors: int) -> bytes:
    """A safetensors file of float32 vectors of the given lengths."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, length in tensors.items():
        header[name] = {"dtype": "F32", "shape": [length], "data_offsets": [end, end + 4 * length]}
        end += 4 * length
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    values = b"".join(struct.pack("<f", index / 7) for index in range(end // 4))
    return struct.pack("<Q", len(text)) + text + values


WEIGHTS = "model.safetensors"
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "max_position_embeddings": 2048,
    "torch_dtype": "bfloat16",
}
CARD = "---\nlicense: apache-2.0\nlanguage: en\n---\n# Tiny\n"


NEEDED = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}


@dataclass
class Result:
    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one line of the error, after making sure that it is one line and no traceback."""
        errors = [line for line in self.stderr.splitlines() if line.startswith("error: ")]
        assert self.status == 1, self.stderr
        assert len(errors) == 1, self.stderr
        assert self.stderr.splitlines()[-1] == errors[0], self.stderr
        assert "Traceback" not in self.stderr
        return errors[0].removeprefix("error: ")


class Forker:
    """The process of `hub_forker.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("hub_forker.py"))],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "scripts")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, job: dict[str, object]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


class Box:
    """A place of its own to run the scripts in: working folder, home, cache, environment."""

    def __init__(self, folder: Path, hub: Hub, forker: Forker) -> None:
        self.folder = folder
        self._forker = forker
        self.folder.mkdir()
        self.hub = hub
        self.home = folder / "hf"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(ROOT / "scripts"),
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(self.home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        }
        self.register(f"{{hub: {hub.repo}, revision: '{hub.commit}'}}")

    def register(self, source: str, *, allow_pickle: bool = False, allow_remote_code: bool = False) -> None:
        entry = ENTRY.format(
            id="tiny",
            source=source,
            allow_pickle=str(allow_pickle).lower(),
            allow_remote_code=str(allow_remote_code).lower(),
        )
        self.registry.write_text(f"# The models.\nmodels:{entry}")

    @property
    def registry(self) -> Path:
        return self.folder / "models.yaml"

    @property
    def record(self) -> Path:
        return self.folder / "fetched/tiny.json"

    @property
    def storage(self) -> Path:
        return self.home / f"hub/models--{self.hub.repo.replace('/', '--')}"

    @property
    def snapshot(self) -> Path:
        return self.storage / "snapshots" / COMMIT

    def command(self, script: str, *arguments: object) -> list[str]:
        """The command of a run in a process of its own."""
        return [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)]

    def run(self, script: str, *arguments: object, prelude: str = "", **environment: str) -> Result:
        """Run a script to its end; the waits between tries are short, and ``prelude`` may break things first."""
        job = {
            "arguments": self.command(script, *arguments)[1:],
            "prelude": prelude,
            "folder": str(self.folder),
            "environment": {**self.environment, **environment},
            "stdout": str(self.folder.parent / "stdout"),
            "stderr": str(self.folder.parent / "stderr"),
        }
        status = self._forker.run(job)
        return Result(status, Path(job["stdout"]).read_text(), Path(job["stderr"]).read_text())

    def fetch_arguments(self) -> list[object]:
        return ["--model", "tiny", "--registry", self.registry, "--output", self.record]

    def fetch(self, *more: object, prelude: str = "", **environment: str) -> Result:
        return self.run("fetch_model.py", *self.fetch_arguments(), *more, prelude=prelude, **environment)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
