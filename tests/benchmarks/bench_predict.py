"""Predictions of left out models against what was measured, beside the rule of thumb on the same rows.

Sixteen models of four families with random weights, 1 to 500 million parameters, in float32 and bfloat16, with 1 and 2
threads, are measured through the project's own backend and metrics (`calibrate.py`, about 20 minutes on a quiet machine;
rows are kept in `resources/calibration`, so the next run goes on there). Each model is then predicted from the others.
Run: python tests/benchmarks/bench_predict.py [--minutes 25] [--committed]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import calibrate
from benchmark_models import REPOSITORY, machine_line
from yardstick.hardware.observed import Evidence, calibrated
from yardstick.hardware.predictor import Predictor
from yardstick.hardware.profile import MachineProfile
from yardstick.paths import CALIBRATION


def main() -> None:
    """Measure what is missing and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25, help="no model is begun after so many")
    parser.add_argument("--committed", action="store_true", help="measure nothing, take the committed calibration")
    options = parser.parse_args()
    if options.committed:
        files = sorted((REPOSITORY / CALIBRATION).glob("*.json"))
        evidence = evidence_of([json.loads(file.read_bytes()) for file in files])
    else:
        calibrate.measure_missing(options.minutes)
        with tempfile.TemporaryDirectory() as folder:
            calibrate.write_calibration(Path(folder) / "rows.json")
            evidence = evidence_of([json.loads((Path(folder) / "rows.json").read_bytes())])
    print(f"Errors of predictions from other models, {machine_line()}")
    print_errors(evidence)


def evidence_of(contents: list[dict]) -> Evidence:  # type: ignore[type-arg]
    """Return calibrations as predictions are fitted on them."""
    observations = [found for content in contents for found in calibrated(content)]
    profiles = {content["machine"]: MachineProfile(content["machine"], content["profile"]) for content in contents}
    return Evidence(observations, profiles)


def print_errors(evidence: Evidence) -> None:
    """Print a line per quantity, and the errors by number format and threads of what is asked for most."""
    predictor = Predictor(evidence)
    print(f"{'quantity':<16} {'rows':>5} {'models':>6} {'median':>8} {'P90':>8} {'rule median':>12} {'rule P90':>9}")
    for error in predictor.errors:
        if error.left_out != "model" or error.ours is None:
            continue
        rule = [f"{error.baseline.median:12.1%} {error.baseline.p90:9.1%}"] if error.baseline else []
        ours = f"{error.rows:5} {error.count:6} {error.ours.median:8.1%} {error.ours.p90:8.1%}"
        print(f"{error.quantity:<16} {ours}", *rule)
    machines = Counter(found.machine for found in evidence.observations)
    print(f"machines: {dict(machines)}; one alone cannot be left out")


if __name__ == "__main__":
    main()
