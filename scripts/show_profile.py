"""Print a machine's profile: what bounds inference there."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from yardstick.console import print_report
from yardstick.errors import YardstickError
from yardstick.hardware.profile import MachineProfile
from yardstick.hardware.profile_text import foreign_cores, profile_text
from yardstick.leaderboard.flags import MOST_FOREIGN_CORES
from yardstick.paths import RESULTS
from yardstick.shard_paths import parse_shard_path
from yardstick.shards import read_shard


def main() -> int:
    """Print the table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shard", type=Path, help="the profile's shard, below results/")
    options = parser.parse_args()
    return print_report(lambda: _report(options.shard))


def _report(file: Path) -> str:
    path = parse_shard_path(Path(os.path.relpath(file, RESULTS)).as_posix())
    if path is None:
        raise YardstickError(f"{file}: not the path of a shard; measure with: snakemake --cores 1 profile_machine")
    shard = read_shard(RESULTS, path)
    text = profile_text(MachineProfile(path.machine, shard.rows), str(shard.run.get("measured_at")))
    if foreign_cores(shard.run) > MOST_FOREIGN_CORES:
        text += "\nOthers computed meanwhile, so this machine can do more; on a quiet one: --config epoch=again"
    return text


if __name__ == "__main__":
    sys.exit(main())
