"""Print what the models of the registry would need and do on this machine, or on one that the settings describe."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from yardstick.config import load_config
from yardstick.errors import YardstickError
from yardstick.hardware.predicting import prediction
from yardstick.inputs import load_inputs
from yardstick.paths import CONFIG
from yardstick.plan import Plan


def main() -> int:
    """Print the lines and return the exit status."""
    sys.stdout.reconfigure(errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with")
    options = parser.parse_args()
    try:
        config = load_config(options.config)
        print(prediction(Plan(load_inputs(Path(), config, options.threads)), config, options.threads))
    except YardstickError as error:
        # The log has it where Snakemake runs this; its terminal would not.
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
