"""How long reducing shards to the leaderboard takes, beside only opening and reading the same files with pyarrow.

Run: python tests/benchmarks/bench_reduce.py [1000 10000]
Each size is reduced in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "scripts"), str(REPOSITORY / "tests" / "leaderboard")]

import pyarrow.parquet as pq  # noqa: E402
from leaderboard_world import ROWS, World, make_world_in, model, runs  # noqa: E402
from yardstick.leaderboard.build import write  # noqa: E402
from yardstick.shard_paths import list_shards  # noqa: E402

SIZES = (1_000, 10_000)
EPOCHS = 4  # shards of one model and metric, of which the newest counts
MEASURED = [metric for metric in ROWS if metric != "reasoning_answers"]


def _world(folder: Path, shards: int) -> World:
    models = shards // (len(MEASURED) * EPOCHS)
    return make_world_in(folder, *(model(f"model-{number:05}") for number in range(models)))


def _fill(world: World) -> None:
    os.fsync = lambda descriptor: None  # the files need not outlive a power cut
    for name in world.registry:
        for metric in MEASURED:
            definition = world.definition(metric, name, {})
            rows = runs(walls=(1.0, 1.1, 1.2, 1.3, 1.4, 1.5)) if metric == "throughput" else None
            for epoch in range(EPOCHS):
                world.write(metric, name, epoch=str(epoch), definition=definition, rows=rows)


def _read_only(folder: Path) -> None:
    for path in list_shards(folder / "results").sizes:
        pq.read_table(path.below(folder / "results"), partitioning=None)


def _reduce(folder: Path, shards: int) -> None:
    built = _world(folder, shards).build()
    write(built, folder / "leaderboard")
    assert not built.lines
    assert len(built.leaderboard.rows) == shards // (len(MEASURED) * EPOCHS)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def _timed(job: str, folder: Path, shards: int) -> tuple[float, float]:
    """Return seconds and peak MB of one job in a fresh process, imports not counted in the seconds."""
    command = [sys.executable, __file__, "--job", job, str(folder), str(shards)]
    seconds, peak_mb = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(peak_mb)


def _job(job: str, folder: Path, shards: int) -> None:
    start_s = time.perf_counter()
    if job == "read":
        _read_only(folder)
    else:
        _reduce(folder, shards)
    print(time.perf_counter() - start_s, _peak_mb())


def main() -> None:
    """Print one line per size."""
    print(
        f"{'shards':>8} {'reduce s':>9} {'shards/s':>9} {'peak MB':>8} {'read_table s':>13} {'its peak MB':>12} {'ratio':>6}"
    )
    for shards in map(int, sys.argv[1:] or SIZES):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _fill(_world(folder, shards))
            _timed("read", folder, shards)  # warms the page cache
            read_s, read_mb = _timed("read", folder, shards)
            reduce_s, reduce_mb = _timed("reduce", folder, shards)
        print(
            f"{shards:8} {reduce_s:9.2f} {shards / reduce_s:9.0f} {reduce_mb:8.0f}"
            f" {read_s:13.2f} {read_mb:12.0f} {reduce_s / read_s:6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        _job(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
