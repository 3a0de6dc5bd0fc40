"""Move superseded results into one Parquet file per metric and year below history/, without loss."""

import argparse
import sys
from pathlib import Path

from yardstick.config import load_config
from yardstick.errors import YardstickError
from yardstick.history.compaction import Compacted, compact
from yardstick.inputs import load_inputs
from yardstick.locks import hold_run_lock
from yardstick.paths import CONFIG, RESULTS, RUN_LOCK
from yardstick.plan import Plan


def main() -> int:
    """Compact and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    options = parser.parse_args()
    try:
        hold_run_lock(RUN_LOCK, "compact_history")
        # Which definitions are current does not depend on the number of threads.
        plan = Plan(load_inputs(Path(), load_config(options.config), threads=1))
        print(_line(compact(plan, RESULTS, say=print)))
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _line(done: Compacted) -> str:
    if not done.shards:
        return "nothing to compact: no result is superseded"
    files = "\n".join(f"  {file}" for file in done.files)
    return f"{done.shards} results ({done.bytes_before} bytes) are now in {done.bytes_after} bytes of history:\n{files}"


if __name__ == "__main__":
    sys.exit(main())
