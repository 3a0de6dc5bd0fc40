"""A cluster for all tests, and a working copy whose jobs run on it."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm_cluster import SlurmCluster
from slurm_copy import SlurmCopy
from working_copy import make_working_copy


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[SlurmCluster]:
    """A running SLURM."""
    if not SlurmCluster.is_available() or importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        # Asked for by name, a test that does not run is a failure.
        leave = pytest.fail if request.config.getoption("-m") == "slurm" else pytest.skip
        leave("needs SLURM and its executor; `make test-slurm` installs both")
    # Sockets need a short path.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        cluster = SlurmCluster(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def slurm_copy(tmp_path: Path, cluster: SlurmCluster) -> Iterator[SlurmCopy]:
    """A working copy without results, for runs on the cluster; its jobs end with the test."""
    copy = SlurmCopy(make_working_copy(tmp_path / "yardstick").root, cluster)
    yield copy
    jobs = list(copy.jobs())
    if jobs:
        cluster.run("scancel", *jobs, check=False)
