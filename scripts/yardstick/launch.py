"""Start a job: forked from the run's server where there is one, otherwise in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from yardstick.forkserver import VARIABLE, run_in_fork


def main(job: str, description: str) -> int:
    """Run a script with its command line and return its exit status.

    Args:
        job: a metric of speed or memory, ``answers``, ``scores`` or ``leaderboard``.
        description: what the script's help says.
    """
    arguments = sys.argv[1:]
    if address := os.environ.get(VARIABLE):
        try:
            return run_in_fork(address, {"job": job, "description": description, "arguments": arguments})
        except KeyboardInterrupt:
            return 130
        except OSError:
            print(f"{job}: the fork server is gone, importing anew", file=sys.stderr)
    return run(job, description, arguments)


def run(job: str, description: str, arguments: Sequence[str]) -> int:
    """Run a job in this process; import only what it needs."""
    if job == "leaderboard":
        from yardstick.leaderboard import job as leaderboard

        return leaderboard.main(description, arguments)
    if job == "scores":
        from yardstick import scoring

        return scoring.main(description, arguments)
    from yardstick import measuring

    return measuring.main(job, description, arguments)
