"""Fetch the data of a suite of lm-evaluation-harness, and pin in its file what the task asks and expects."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.paths import SUITES


def main() -> int:
    """Return 0 when the suite is pinned, 1 after one line that says what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", help="name of a suite, config/suites/<name>.yaml")
    parser.add_argument("--offline", action="store_true", help="fetch nothing; take what is on this machine")
    arguments = parser.parse_args()
    if arguments.offline:
        os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    path = SUITES / f"{Path(arguments.suite).name.removesuffix('.yaml')}.yaml"
    try:
        # Late: --help takes no second.
        from yardstick.suites.harness_pin import pin

        pinned, is_new = pin(path, is_online=not arguments.offline)
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    versions = ", ".join(f"{name} {version}" for name, version in list(pinned.versions.items())[:8])
    state = "is pinned" if is_new else "is unchanged"
    print(f"{path} {state}: {pinned.items} items of {versions}; {pinned.metric}, filter {pinned.filter}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
