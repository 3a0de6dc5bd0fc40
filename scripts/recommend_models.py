"""Print the models worth running under the limits of the settings, from what was measured."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from yardstick.config import load_config
from yardstick.console import print_report
from yardstick.inputs import load_inputs
from yardstick.leaderboard.build import build
from yardstick.leaderboard.choosing import limits_of
from yardstick.leaderboard.recommendation import recommendation
from yardstick.paths import CONFIG
from yardstick.plan import Plan
from yardstick.registry import TIERS, select


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    options = parser.parse_args()
    return print_report(lambda: _report(options.config))


def _report(file: Path) -> str:
    config = load_config(file)
    plan = Plan(load_inputs(Path(), config, threads=1))
    names = {entry.id for entry in select(plan.inputs.registry, tiers=TIERS, names=config.models)}
    rows = [row for row in build(plan).leaderboard.rows if row.model in names]
    return recommendation(rows, plan.machine, limits_of(config))


if __name__ == "__main__":
    sys.exit(main())
