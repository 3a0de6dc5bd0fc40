"""The job that measures a machine, from arguments to shard; and where that shard is."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from yardstick.catalog import NO_MODEL, PROFILE
from yardstick.config import Config, load_config
from yardstick.console import Console, run_job
from yardstick.errors import YardstickError
from yardstick.guards import guard_rails
from yardstick.identity import Identity, package_version
from yardstick.locks import machine_lock
from yardstick.machine import machine_facts, machine_label
from yardstick.paths import CONFIG, RESULTS
from yardstick.shard_paths import ShardPath
from yardstick.shards import write_shard
from yardstick.source_code import closure_hashes

_PROBES = "yardstick.hardware.probes"


def profile_identity(config: Config) -> Identity:
    """Return what a profile's content depends on: the code that measures, and the library that it measures with."""
    definition = {"metric": PROFILE, "code": closure_hashes(_PROBES)}
    environment = {
        "packages": {"torch": package_version("torch")},
        "python": ".".join(platform.python_version_tuple()[:2]),
        "epoch": config.epoch,
    }
    return Identity(definition, lambda: environment)


def profile_path(config: Config) -> ShardPath:
    """Return where the current profile of this machine is or will be."""
    identity = profile_identity(config)
    machine = machine_label(config.machine)
    return ShardPath(PROFILE, NO_MODEL, machine, identity.definition_hash, identity.environment_hash)


def main(description: str, arguments: Sequence[str] | None = None) -> int:
    """Measure as a program and return its exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    parser.add_argument("--output", type=Path, help="path of the shard to write; by default where it belongs")
    parser.add_argument("--log", type=Path, help="file for everything but progress")
    options = parser.parse_args(arguments)
    return run_job("profile", options.log, lambda console: _measure(options, console))


def _measure(options: argparse.Namespace, console: Console) -> None:
    config = load_config(options.config)
    path = profile_path(config)
    expected = path.below(RESULTS)
    if options.output and options.output.resolve() != expected.resolve():
        raise YardstickError("settings, code or packages changed since this run began; run the same command again")
    # Late: it costs seconds.
    import torch

    from yardstick.hardware.probes import profile

    with machine_lock(is_exclusive=True, waiting=lambda: console.say("waits: this machine is measuring")):
        console.say("begins, for about a minute")
        with guard_rails() as guards:
            rows = list(profile(torch, expected.parent, console.progress))
    run = {
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine_facts(),
        "guards": guards,
        "engine": {"torch": torch.__version__},
    }
    write_shard(RESULTS, path, rows, profile_identity(config).as_document(), run)
    console.say(f"done, {guards['wall_s']:.1f} s")
