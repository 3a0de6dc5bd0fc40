"""Measure what is wanted of one tier, as continuous integration does: strictly, and under one machine label.

The variables TIER, MODELS, EPOCH, MACHINE and CORES of the environment say what; see docs/github-actions.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from yardstick.config import load_config, parse_config
from yardstick.errors import YardstickError
from yardstick.inputs import load_inputs
from yardstick.paths import CONFIG
from yardstick.plan import Plan
from yardstick.publishing.handover import take_back
from yardstick.publishing.request import Request, parse_request
from yardstick.registry import select


def main() -> int:
    """Measure, and return Snakemake's exit status."""
    try:
        request = parse_request(os.environ, datetime.now(UTC).date())
        taken = _take_back(request)
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if taken:
        print(f"{taken} results of an earlier run that were not published are taken up again", file=sys.stderr)
    command = [sys.executable, "-m", "snakemake", "--cores", str(request.cores), request.tier]
    return subprocess.run([*command, "--config", *request.settings()], check=False).returncode


def _take_back(request: Request) -> int:
    settings = load_config(CONFIG).model_dump(mode="json")
    changes = {"machine": request.machine, "epoch": request.epoch, "models": list(request.models)}
    config = parse_config(settings | changes, file=str(CONFIG))
    threads = request.cores if config.threads == "cores" else config.threads
    plan = Plan(load_inputs(Path(), config, threads))
    selected = select(plan.inputs.registry, tiers=(request.tier,), names=config.models)
    return len(take_back(Path(), plan, {entry.id for entry in selected}))


if __name__ == "__main__":
    sys.exit(main())
