"""Wall time of a first `snakemake --cores 1 ci_safe`, over one plain single-process script that measures the same.

The script (plain_script.py) loads each model once and keeps nothing; the run has a process and a shard per metric, scores
and a leaderboard. Both alternate. Run: python tests/benchmarks/bench_run.py [ROUNDS]
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

import yaml
from benchmark_models import REPOSITORY, machine_line, registry_entry, write_random_distilgpt2

COPIED = ("workflow", "config", "scripts", "envs")


def seconds(command: list[str], folder: Path) -> float:
    """Return the wall time of a command that must succeed."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    start_s = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start_s


def workflow_seconds(copy: Path) -> float:
    """Return the wall time of a run from nothing."""
    for name in ("results", "leaderboard", ".snakemake", "logs"):
        shutil.rmtree(copy / name, ignore_errors=True)
    return seconds([sys.executable, "-m", "snakemake", "--cores", "1", "ci_safe"], copy)


def script_seconds(copy: Path, folders: list[str]) -> float:
    """Return the wall time of the plain script."""
    script = str(REPOSITORY / "tests/benchmarks/plain_script.py")
    inputs = ["config/config.yaml", "config/suites/reasoning.yaml"]
    return seconds([sys.executable, script, *inputs, *folders], copy)


def compare(name: str, copy: Path, entries: list[dict[str, object]], folders: list[str], rounds: int) -> None:
    """Print one line for one set of models."""
    (copy / "config/models.yaml").write_text(yaml.safe_dump({"models": entries}))
    script_seconds(copy, folders)
    pairs = [(workflow_seconds(copy), script_seconds(copy, folders)) for _ in range(rounds)]
    ratio = statistics.median(run_s / script_s for run_s, script_s in pairs)
    run_s, script_s = (statistics.median(part) for part in zip(*pairs, strict=True))
    print(f"{name:<22} {run_s:10.1f} {script_s:10.1f} {ratio:7.2f}", flush=True)


def fix_counts(file: Path) -> None:
    """Let counts alone end the sampling and all levels run, so that both do the same work."""
    content = yaml.safe_load(file.read_text())
    # The script asks no other.
    content["suites"] = ["reasoning"]
    protocol = content["protocol"]
    protocol["latency"].update(least_s=0, most_requests=protocol["latency"]["least_requests"])
    protocol["throughput"].update(least_s=0, most_runs=protocol["throughput"]["least_runs"])
    protocol["concurrency"]["least_gain"] = 1e-9
    protocol["long_text"]["most_s"] = 1e6
    file.write_text(yaml.safe_dump(content))


def main() -> None:
    """Compare on the embedded models and on random weights of distilgpt2's shape."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"Seconds for all metrics, 1 core, {machine_line()}")
    print(f"{'models':<22} {'ci_safe':>10} {'script':>10} {'ratio':>7}")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in COPIED:
            shutil.copytree(REPOSITORY / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        fix_counts(copy / "config/config.yaml")
        shipped = yaml.safe_load((copy / "config/models.yaml").read_text())["models"]
        embedded = [entry for entry in shipped if "embedded" in entry["source"]]
        folders = [f"workflow/resources/embedded/{entry['source']['embedded']}" for entry in embedded]
        compare("the two embedded", copy, embedded, folders, rounds)
        write_random_distilgpt2(copy / "local/random")
        # Minutes a round, and little noise.
        compare("random distilgpt2", copy, [registry_entry("random", "local/random")], ["local/random"], 1)


if __name__ == "__main__":
    main()
