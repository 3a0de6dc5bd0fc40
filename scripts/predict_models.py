"""Print what the models of the registry would need and do on this machine, or on one that the settings describe."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from yardstick.config import load_config
from yardstick.console import print_report
from yardstick.hardware.predicting import prediction
from yardstick.inputs import load_inputs
from yardstick.paths import CONFIG
from yardstick.plan import Plan


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with")
    options = parser.parse_args()
    return print_report(lambda: _report(options.config, options.threads))


def _report(file: Path, threads: int) -> str:
    config = load_config(file)
    return prediction(Plan(load_inputs(Path(), config, threads)), config, threads)


if __name__ == "__main__":
    sys.exit(main())
