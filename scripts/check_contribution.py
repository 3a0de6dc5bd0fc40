"""Check results that are to be contributed, as data alone: what is new here, or what a branch adds."""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import sys
from pathlib import Path

from yardstick.contribution.changes import Changes, CommittedChanges, ListedFiles, LocalChanges
from yardstick.contribution.check import check
from yardstick.contribution.report import Report
from yardstick.errors import YardstickError

# A file that unfolds without end costs an error and not the machine.
_MOST_ADDRESS_SPACE = 8 * 2**30


def main() -> int:
    """Print the report; return 0 where all can be taken, 1 where something is refused."""
    options = _parse_arguments()
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_ADDRESS_SPACE, resource.getrlimit(resource.RLIMIT_AS)[1]))
    try:
        report = check(Path(), _changes(options), is_local=not options.base)
    except YardstickError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(report.markdown(), flush=True)
    if options.summary:
        with options.summary.open("a", encoding="utf-8") as file:
            file.write(report.markdown())
    if not options.base:
        _say_what_to_commit(report)
    for line in report.refusals():
        print(f"refused: {line}", file=sys.stderr)
    return 0 if report.is_accepted else 1


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="", help="check what was committed since the branch left this revision")
    parser.add_argument("--head", default="HEAD", help="last commit of the branch; default: %(default)s")
    parser.add_argument(
        "--repository", type=Path, default=Path(), help="git repository with these commits; default: this one"
    )
    parser.add_argument("--files", nargs="+", type=Path, default=[], help="check these files only")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    parser.add_argument("--summary", type=Path, default=summary and Path(summary), help="file to append the report to")
    return parser.parse_args()


def _changes(options: argparse.Namespace) -> Changes:
    if options.base:
        return CommittedChanges(options.repository, options.base, options.head)
    return ListedFiles(Path(), options.files) if options.files else LocalChanges(Path())


def _say_what_to_commit(report: Report) -> None:
    if accepted := report.accepted():
        print("To commit what can be taken:\n")
        print(
            "  git add " + (" \\\n    ".join(map(shlex.quote, accepted)) if report.refusals() else _folders(accepted))
        )
        print("  git commit --message 'Add results'\n", flush=True)


def _folders(paths: list[str]) -> str:
    return " ".join(["results", *(path for path in paths if not path.startswith("results/"))])


if __name__ == "__main__":
    sys.exit(main())
