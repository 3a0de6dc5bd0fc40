"""Print, for each selected model and metric, whether it is up to date, or wanted and why."""

import argparse
import sys
from pathlib import Path

from yardstick.config import load_config
from yardstick.console import print_report
from yardstick.inputs import load_inputs
from yardstick.paths import CONFIG, RESULTS
from yardstick.plan import Plan
from yardstick.registry import TIERS, select
from yardstick.status import status_lines


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    parser.add_argument("--threads", type=int, default=1, help="threads that measurements are given")
    options = parser.parse_args()
    return print_report(lambda: _report(options.config, options.threads))


def _report(file: Path, threads: int) -> str:
    plan = Plan(load_inputs(Path(), load_config(file), threads))
    entries = select(plan.inputs.registry, tiers=TIERS, names=plan.inputs.config.models)
    return "\n".join(status_lines(plan, entries, RESULTS))


if __name__ == "__main__":
    sys.exit(main())
