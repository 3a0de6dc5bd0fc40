"""Fixtures for tests of suites."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def harness_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep data sets that are prepared out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        yield
