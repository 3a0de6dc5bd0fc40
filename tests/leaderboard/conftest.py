"""Fixtures: repositories to write synthetic shards into."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from leaderboard_world import World, make_world_in, model


@pytest.fixture(autouse=True, scope="module")
def no_disk_flush() -> Iterator[None]:
    """Spare the disk: nothing here needs to outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[..., World]:
    """Return a maker of repositories with the given registry entries."""

    def make(*entries: dict[str, Any]) -> World:
        return make_world_in(tmp_path, *entries)

    return make


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a repository with one model, alpha, and no results."""
    return make_world_in(tmp_path, model("alpha"))
