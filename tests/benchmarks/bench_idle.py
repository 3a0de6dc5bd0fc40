"""Wall time of a run with nothing to do for 10, 100 and 1,000 registered models, over importing Snakemake.

All results and the leaderboard are there (synthetic, but whole). Run: python tests/benchmarks/bench_idle.py
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark_models import REPOSITORY, machine_line

sys.path.insert(0, str(REPOSITORY / "tests/leaderboard"))

import yaml
from leaderboard_world import ROWS, World, model
from yardstick.catalog import METRICS
from yardstick.config import load_config
from yardstick.identity import Identity, measurement_identity, score_definition
from yardstick.leaderboard.build import write
from yardstick.registry import load_registry
from yardstick.shard_paths import ShardPath
from yardstick.shards import write_shard
from yardstick.suites.load import load_suites

SIZES = (10, 100, 1_000)
ROUNDS = 5
RUN = {"measured_at": "2026-01-01T00:00:00Z", "threads": 1, "machine": {}}
GUARDS = {"foreign_cores": 0.0, "cpu_mhz_before": None, "cpu_mhz_after": None, "swapped_bytes": 0}


def fill(copy: Path, models: int) -> None:
    """Register models and write all their shards and the leaderboard."""
    entries = [model(f"model-{number:04}") for number in range(models)]
    (copy / "config/models.yaml").write_text(yaml.safe_dump({"models": entries}))
    settings = yaml.safe_load((copy / "config/config.yaml").read_text())
    (copy / "config/config.yaml").write_text(yaml.safe_dump({**settings, "machine": "bench"}))
    config, suites = load_config(copy / "config/config.yaml"), load_suites(copy / "config/suites")
    world = World(copy, config, load_registry(copy / "config/models.yaml"), suites["reasoning"])
    os.fsync = lambda descriptor: None  # the files need not outlive a power cut
    for entry in world.registry.values():
        for metric in METRICS:
            identity = measurement_identity(metric, entry, config, suites=suites, threads=1, root=copy)
            store(world, metric, entry.id, identity)
            if metric == "reasoning_answers":
                definition = score_definition(identity.definition_hash, entry, suites["reasoning"])
                store(world, "reasoning", entry.id, Identity(definition, lambda known=identity.environment: known))
    write(world.build(), copy / "leaderboard")


def store(world: World, metric: str, name: str, identity: Identity) -> None:
    """Write one synthetic shard."""
    path = ShardPath(metric, name, "bench", identity.definition_hash, identity.environment_hash)
    write_shard(world.results, path, ROWS[metric](world), identity.as_document(), {**RUN, "guards": GUARDS})


def seconds(command: list[str], folder: Path) -> float:
    start_s = time.perf_counter()
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    elapsed_s = time.perf_counter() - start_s
    assert "-c" in command or "nothing to be done" in done.stderr, done.stderr
    return elapsed_s


def main() -> None:
    """Print one line per size."""
    print(f"Seconds, {machine_line()}")
    print(f"{'models':>8} {'nothing to do':>14} {'import snakemake':>17} {'ratio':>6}")
    importing = [sys.executable, "-c", "import snakemake.cli"]
    running = [sys.executable, "-m", "snakemake", "--cores", "1", "ci_safe"]
    for models in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            for part in ("workflow", "config", "scripts", "envs"):
                shutil.copytree(REPOSITORY / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            fill(copy, models)
            seconds(running, copy)
            pairs = [(seconds(running, copy), seconds(importing, copy)) for _ in range(ROUNDS)]
        ratio = statistics.median(run_s / import_s for run_s, import_s in pairs)
        run_s, import_s = (statistics.median(part) for part in zip(*pairs, strict=True))
        print(f"{models:8} {run_s:14.2f} {import_s:17.2f} {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main()
