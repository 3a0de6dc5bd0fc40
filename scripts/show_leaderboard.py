"""Print the leaderboard as it was last built."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from yardstick.console import print_report
from yardstick.leaderboard.terminal import leaderboard_table
from yardstick.paths import LEADERBOARD


def main() -> int:
    """Return 0, or 1 after one line that says what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=LEADERBOARD, help="default: %(default)s")
    folder: Path = parser.parse_args().folder
    return print_report(lambda: leaderboard_table(folder))


if __name__ == "__main__":
    sys.exit(main())
