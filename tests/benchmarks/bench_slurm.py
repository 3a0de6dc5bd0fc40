"""What SLURM costs: submissions per second, overhead per job, and memory on the login node, with many models.

A real SLURM of one node on loopback (tests/slurm/slurm_cluster.py) and a backend that answers at once, so that all time is
overhead. First the partition is closed and all jobs are submitted; then it is opened and jobs run for some minutes. The
same shards are also measured by the local executor, for the ratio.
Run: python tests/benchmarks/bench_slurm.py [--models 200] [--seconds 120]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import yaml
from benchmark_models import EMBEDDED, REPOSITORY, machine_line, registry_entry

sys.path.insert(0, str(REPOSITORY / "tests/slurm"))
from slurm_cluster import SlurmCluster
from working_copy import make_working_copy

METRICS = ("latency", "throughput", "memory", "concurrency", "long_text")
RULES = [f"measure_{metric}" for metric in METRICS]


def add_dummy_backend(root: Path) -> None:
    """Register the backend in a copy of the project."""
    shutil.copy(REPOSITORY / "tests/benchmarks/dummy_backend.py", root / "scripts/yardstick/backends/dummy.py")
    for name, old, new in (
        ("registry.py", '"trtllm", "openai"]', '"trtllm", "openai", "dummy"]'),
        (
            "catalog.py",
            "BACKENDS = {",
            'BACKENDS = {\n    "dummy": BackendInfo("yardstick.backends.dummy", "DummyEngine"),',
        ),
    ):
        file = root / "scripts/yardstick" / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))


def make_copy(root: Path, models: int) -> Path:
    """Return a copy of the project whose registry has so many models of the backend."""
    copy = make_working_copy(root)
    add_dummy_backend(root)
    shutil.copytree(EMBEDDED / "yardstick-mini", root / "local/model")
    entries = [registry_entry(f"dummy-{n:04}", "local/model") | {"backend": "dummy"} for n in range(models)]
    (root / "config/models.yaml").write_text(yaml.safe_dump({"models": entries}))
    site = {"machine": "test-node", "threads": 1, "cluster": {"minutes": 10, "memory_mb": 100}}
    (root / "workflow/profiles/slurm/site.yaml").write_text(yaml.safe_dump(site))
    return copy.root


@contextlib.contextmanager
def slurm_run(root: Path, cluster: SlurmCluster) -> Iterator[psutil.Process]:
    """Run the workflow on the cluster in the background, jobs of one node side by side, and kill it at the end."""
    shared = [f"{rule}:slurm_extra=''" for rule in RULES]
    command = [sys.executable, "-m", "snakemake", "--profile", "workflow/profiles/slurm", "--jobs", "5000"]
    command += ["--slurm-init-seconds-before-status-checks", "5", "--set-resources", *shared]
    command += ["--until", *RULES, "--", "ci_safe"]
    with (root / "output.txt").open("w") as output:
        process = subprocess.Popen(
            command, cwd=root, env=cluster.environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield psutil.Process(process.pid)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def submitted(root: Path) -> int:
    """Return the number of jobs that the ledger names."""
    ledgers = (root / "resources/slurm").glob("*.jsonl")
    return sum(text.count('"submitted"') for text in (ledger.read_text() for ledger in ledgers))


def submission(root: Path, process: psutil.Process, jobs: int) -> tuple[float, float, float]:
    """Return seconds before the first submission, seconds of all of them, and the main process's peak in MB."""
    begin_s, first_s, peak = time.monotonic(), 0.0, 0
    while (count := submitted(root)) < jobs:
        if process.status() == psutil.STATUS_ZOMBIE:
            raise SystemExit((root / "output.txt").read_text())
        first_s = first_s or (time.monotonic() if count else 0.0)
        peak = max(peak, process.memory_info().rss)
        time.sleep(0.1)
    return first_s - begin_s, time.monotonic() - first_s, peak / 1e6


def shards(root: Path) -> int:
    return len(list((root / "results").rglob("*.parquet")))


def completion(root: Path, process: psutil.Process, seconds: float, jobs: int) -> tuple[float, float]:
    """Return jobs finished per second once the first are, and the main process's peak in MB."""
    while not (done := shards(root)):
        time.sleep(0.1)
    begin_s, peak = time.monotonic(), 0
    while time.monotonic() - begin_s < seconds and shards(root) < jobs:
        peak = max(peak, process.memory_info().rss)
        time.sleep(0.2)
    return (shards(root) - done) / (time.monotonic() - begin_s), peak / 1e6


def local_rate(root: Path, seconds: float) -> float:
    """Return jobs finished per second by the local executor on all cores, one shard per process as well."""
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "snakemake", "--cores", str(os.cpu_count()), "--config", "threads=1"]
    process = subprocess.Popen(
        [*command, "--until", *RULES, "--", "ci_safe"],
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not (done := shards(root)):
        time.sleep(0.1)
    begin_s = time.monotonic()
    while time.monotonic() - begin_s < seconds and process.poll() is None:
        time.sleep(0.2)
    rate = (shards(root) - done) / (time.monotonic() - begin_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return rate


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120, help="seconds for which jobs run on the cluster")
    options = parser.parse_args()
    if not SlurmCluster.is_available():
        print("bench_slurm: SLURM is not installed, left out (make test-slurm installs it)")
        return 0
    jobs = options.models * len(METRICS)
    with tempfile.TemporaryDirectory(prefix="slurm-") as home, tempfile.TemporaryDirectory() as folder:
        cluster = SlurmCluster(Path(home))
        cluster.start()
        try:
            root = make_copy(Path(folder, "yardstick"), options.models)
            cluster.run("scontrol", "update", "partitionname=main", "state=down")
            with slurm_run(root, cluster) as process:
                before_s, submit_s, submit_mb = submission(root, process, jobs)
                cluster.run("scontrol", "update", "partitionname=main", "state=up")
                rate, run_mb = completion(root, process, options.seconds, jobs)
        finally:
            cluster.stop()
        local = local_rate(make_copy(Path(folder, "local"), min(options.models, 25)), options.seconds / 2)
    print(machine_line())
    print(f"{options.models} models x {len(METRICS)} metrics = {jobs} jobs")
    print(f"planning, until the first submission     {before_s:8.1f} s")
    print(f"submissions per second                   {jobs / submit_s:8.1f}")
    print(f"main process while it submits, peak      {submit_mb:8.0f} MB")
    print(f"main process while jobs run, peak        {run_mb:8.0f} MB")
    cores = os.cpu_count() or 1
    print(f"processor seconds per job, SLURM         {cores / rate:8.1f}")
    print(f"processor seconds per job, local         {cores / local:8.1f}   ratio {local / rate:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
