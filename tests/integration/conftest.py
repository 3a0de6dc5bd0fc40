"""Fixtures for tests with real servers: what Transformers answers, and a place for what the servers write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_servers import VLLM, spec
from yardstick.backends.transformers import TransformersEngine


@pytest.fixture(scope="session")
def reference() -> Iterator[TransformersEngine]:
    """The smaller shipped model in Transformers, float32: what other engines are compared with."""
    engine = TransformersEngine(spec())
    engine.prepare()
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for logs, and for what vLLM would leave among the temporary files; its cache is kept in its environment."""
    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CACHE_ROOT", str(VLLM.parents[1] / "cache"))
        patch.setenv("TMPDIR", str(folder))
        yield folder
