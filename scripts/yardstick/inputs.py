"""Everything that a plan depends on, read from a repository."""

from __future__ import annotations

from pathlib import Path

from yardstick.config import Config
from yardstick.paths import REGISTRY, RESULTS, SUITE
from yardstick.plan import Inputs
from yardstick.registry import load_registry
from yardstick.shard_paths import list_shards
from yardstick.suites.suite import load_suite


def load_inputs(root: Path, config: Config, threads: int) -> Inputs:
    """Read registry and suite, and list the shards.

    Args:
        root: the repository's root.
        config: the settings.
        threads: threads that a measurement is given.

    Raises:
        YardstickError: a file is missing, or one line for the first mistake in one.
    """
    return Inputs(
        root=root,
        config=config,
        registry=load_registry(root / REGISTRY),
        suite=load_suite(root / SUITE),
        listing=list_shards(root / RESULTS),
        threads=threads,
    )
