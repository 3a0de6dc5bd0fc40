"""Everything that a plan depends on, read from a repository."""

from __future__ import annotations

from pathlib import Path

from yardstick.config import Config
from yardstick.errors import YardstickError
from yardstick.paths import CONFIG, REGISTRY, RESULTS, SUITES
from yardstick.plan import Inputs
from yardstick.registry import load_registry
from yardstick.shard_paths import list_shards
from yardstick.suites.load import load_suites


def load_inputs(root: Path, config: Config, threads: int) -> Inputs:
    """Read registry and suites, and list the shards.

    Args:
        root: the repository's root.
        config: the settings.
        threads: threads that a measurement is given.

    Raises:
        YardstickError: a file is missing, or one line for the first mistake in one.
    """
    suites = load_suites(root / SUITES)
    if unknown := [name for name in config.suites if name not in suites]:
        raise YardstickError(f"{CONFIG}: suites: there is no suite {unknown[0]!r}; choose from: {', '.join(suites)}")
    return Inputs(
        root=root,
        config=config,
        registry=load_registry(root / REGISTRY),
        suites=suites,
        listing=list_shards(root / RESULTS),
        threads=threads,
    )
