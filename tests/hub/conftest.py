from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_box import CARD, CONFIG, Box, Forker, safetensors
from hub_server import Hub


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder as a repository of a small model, with files that nobody needs."""
    folder = tmp_path / "repository"
    for name, content in {
        "config.json": json.dumps(CONFIG).encode(),
        "generation_config.json": b"{}",
        "tokenizer.json": b'{"version": "1.0"}' * 50,
        "tokenizer_config.json": b'{"chat_template": "{{ messages }}"}',
        "model.safetensors": safetensors(weight=50_000),
        "pytorch_model.bin": b"pickle" * 100,
        "model.fp16.safetensors": safetensors(weight=10),
        "onnx/model.onnx": b"onnx" * 100,
        "modeling_tiny.py": b"print('remote code')\n",
        "README.md": CARD.encode(),
        ".gitattributes": b"*.safetensors filter=lfs\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def hub(repository: Path) -> Iterator[Hub]:
    with Hub(repository).running() as hub:
        yield hub


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    forker = Forker()
    yield forker
    forker.close()


@pytest.fixture
def box(tmp_path: Path, hub: Hub, forker: Forker) -> Box:
    return Box(tmp_path / "box", hub, forker)


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    def wait(condition: Callable[[], bool]) -> None:
        limit = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < limit, "did not happen in 20 s"
            time.sleep(0.02)

    return wait
