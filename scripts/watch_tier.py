"""Tell whether the newest results of one tier are worse than the earlier ones of this machine, as continuous integration does.

The variables TIER, MODELS, EPOCH, MACHINE and CORES of the environment say what; see docs/github-actions.md.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.paths import LOGS, REGISTRY
from yardstick.publishing.request import Request, parse_request
from yardstick.registry import load_registry, select

REPORT = LOGS / "regressions.md"


def main() -> int:
    """Compare, append the report to the job summary, and return Snakemake's exit status."""
    try:
        request = _of_tier(parse_request(os.environ, datetime.now(UTC).date()))
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not request.models:
        print(f"no model of {request.tier} is asked for")
        return 0
    REPORT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "snakemake", "--cores", str(request.cores), "regressions"]
    status = subprocess.run([*command, "--config", *request.settings()], check=False).returncode
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and REPORT.exists():
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(REPORT.read_text(encoding="utf-8"))
    return status


def _of_tier(request: Request) -> Request:
    """Name the tier's models: what another tier measured is another job's to compare."""
    entries = select(load_registry(REGISTRY), tiers=(request.tier,), names=request.models)
    return dataclasses.replace(request, models=tuple(entry.id for entry in entries))


if __name__ == "__main__":
    sys.exit(main())
