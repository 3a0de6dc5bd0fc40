"""Put the results that git does not know yet where the job that publishes finds them."""

from __future__ import annotations

import sys
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.publishing.handover import HANDOVER, collect


def main() -> int:
    """Print how many there are and return the exit status."""
    try:
        shards = collect(Path())
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(shards)} new results in {HANDOVER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
