"""Print the leaderboard as it was last built."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.leaderboard.terminal import leaderboard_table
from yardstick.paths import LEADERBOARD


def main() -> int:
    """Return 0, or 1 after one line that says what is wrong."""
    sys.stdout.reconfigure(errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=LEADERBOARD, help="default: %(default)s")
    try:
        print(leaderboard_table(parser.parse_args().folder))
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
