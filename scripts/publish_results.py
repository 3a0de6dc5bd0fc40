"""Publish the results that were handed over: build the leaderboard, commit both, and push."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.publishing.publish import Published, publish
from yardstick.publishing.summary import summary


def main() -> int:
    """Publish; return 0, or 1 after one line for each thing that could not be published."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--remote", default="origin", help="default: %(default)s")
    parser.add_argument("--branch", default="main", help="branch to publish on; default: %(default)s")
    parser.add_argument("--attempts", type=int, default=5, help="tries while others push; default: %(default)s")
    where = os.environ.get("GITHUB_STEP_SUMMARY")
    parser.add_argument("--summary", type=Path, default=where and Path(where), help="file to append the table to")
    options = parser.parse_args()
    try:
        published = publish(Path(), remote=options.remote, branch=options.branch, attempts=options.attempts)
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.summary:
        with options.summary.open("a", encoding="utf-8") as file:
            file.write(summary(published))
    _say(published)
    return 1 if published.refused else 0


def _say(published: Published) -> None:
    if published.commit is None:
        print("nothing has changed, so nothing was committed")
    else:
        print(f"published {published.shards} new shards in commit {published.commit[:12]}")
    for line in published.refused:
        print(f"refused: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
