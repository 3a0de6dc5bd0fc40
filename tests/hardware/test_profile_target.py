"""The target that measures a machine, run for real."""

from __future__ import annotations

import pytest
from working_copy import WorkingCopy


@pytest.mark.slow
def test_measures_once_and_shows_it_each_time(working_copy: WorkingCopy) -> None:
    first = working_copy.snakemake("profile_machine")
    (shard,) = (working_copy.root / "results/metric=machine_profile/model=none").glob("*/*.parquet")
    written = shard.stat().st_mtime_ns

    again = working_copy.snakemake("profile_machine")
    status = working_copy.snakemake("status")

    assert "Weights, 1 token" in first.stdout
    assert again.stdout == first.stdout
    assert shard.stat().st_mtime_ns == written
    assert "not the name of a shard" not in status.stdout + status.stderr
