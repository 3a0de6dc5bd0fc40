"""Compare the newest results with the earlier ones of the same machine; measure again what looks worse.

The exit status is 1 when something got worse in both measurements.
"""

import argparse
import sys
from pathlib import Path

from yardstick.config import load_config
from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.inputs import load_inputs
from yardstick.paths import CONFIG, LOGS, RESULTS
from yardstick.plan import Plan
from yardstick.registry import TIERS, select
from yardstick.regressions.report import is_alarm, markdown_report, summary, terminal_table
from yardstick.regressions.search import search


def main() -> int:
    """Search, print and write the report, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    parser.add_argument("--threads", type=int, default=1, help="threads of the measurements to compare")
    parser.add_argument("--report", type=Path, default=LOGS / "regressions.md", help="Markdown file to write")
    options = parser.parse_args()
    try:
        plan = Plan(load_inputs(Path(), load_config(options.config), options.threads))
        entries = select(plan.inputs.registry, tiers=TIERS, names=plan.inputs.config.models)
        findings = search(plan, entries, RESULTS, say=lambda line: print(line, flush=True))
        write_atomically(options.report, markdown_report(findings, plan.machine).encode())
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if table := terminal_table(findings):
        print(table, end="\n\n")
    print(summary(findings, plan.machine))
    return 1 if is_alarm(findings) else 0


if __name__ == "__main__":
    sys.exit(main())
