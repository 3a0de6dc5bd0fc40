"""`snakemake regressions` for real: suspicions are measured again by the measuring programs."""

from __future__ import annotations

from regressions_world import grown_by, put, runs, scores, slow_requests
from working_copy import WorkingCopy

MINI, BASE = "yardstick-mini", "yardstick-base"
BEFORE, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def test_suspicions_are_settled_by_one_more_measurement(working_copy: WorkingCopy) -> None:
    root = working_copy.root
    # Nothing loads in 10 kB: what is measured again is more. Nothing needs 1000 s: what is measured again is less.
    put(root, "memory", BASE, grown_by(10_000), at=BEFORE, epoch="w1")
    put(root, "memory", BASE, grown_by(50_000_000), at=NOW, epoch="w2")
    put(root, "latency", MINI, slow_requests(1000), at=BEFORE, epoch="w1")
    put(root, "latency", MINI, slow_requests(2000), at=NOW, epoch="w2")
    put(root, "reasoning", BASE, scores(10, root), at=BEFORE, epoch="w1")
    put(root, "reasoning", BASE, scores(0, root), at=NOW, epoch="w2")
    put(root, "throughput", MINI, runs(*range(100, 110)), at=BEFORE, epoch="w1")
    put(root, "throughput", MINI, runs(*range(10, 20)), at=NOW, epoch="w2", environment={"python": "2.7"})
    there = working_copy.shards()
    done = working_copy.snakemake("regressions", check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    added = sorted(path.split("/machine=")[0] for path in working_copy.shards() - there)
    assert added == [
        f"metric=latency/model={MINI}",
        f"metric=memory/model={BASE}",
        f"metric=reasoning/model={BASE}",
        f"metric=reasoning_answers/model={BASE}",
    ]
    table = done.stdout[done.stdout.index("Metric ") :]
    outcomes = {line.split()[0]: line for line in table.splitlines()[2:6]}
    assert outcomes["memory"].endswith("worse, measured twice")
    assert outcomes["latency"].endswith("not confirmed by a second measurement")
    assert outcomes["reasoning"].endswith("not confirmed by a second measurement")
    assert "worse once, could not be measured again (python 2.7 -> 3." in outcomes["throughput"]
    assert "4 compared on test-machine: 1 worse, measured twice; 1 worse once" in table
    assert "| memory | yardstick-base |" in (root / "logs/regressions.md").read_text()
    # All is there: the second run says the same and measures nothing.
    there = working_copy.shards()
    again = working_copy.snakemake("regressions", check=False)
    assert again.returncode == 1
    assert working_copy.shards() == there
    assert table in again.stdout


def test_there_may_be_nothing_to_compare(working_copy: WorkingCopy) -> None:
    put(working_copy.root, "memory", BASE, grown_by(1), at=NOW)
    done = working_copy.snakemake("regressions")
    assert "nothing to compare: no metric of any model has two results on test-machine" in done.stdout
    assert "nothing to compare" in (working_copy.root / "logs/regressions.md").read_text()
