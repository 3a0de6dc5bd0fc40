"""The job that builds the leaderboard, from arguments to files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from yardstick.config import load_config
from yardstick.console import Console, run_job
from yardstick.files import write_atomically
from yardstick.inputs import load_inputs
from yardstick.leaderboard.build import build, write
from yardstick.leaderboard.terminal import terminal_table
from yardstick.paths import CONFIG, LEADERBOARD
from yardstick.plan import Plan


def main(description: str, arguments: Sequence[str] | None = None) -> int:
    """Build as a program: return 0 when all files are written, 1 after one line that says what is wrong."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    parser.add_argument("--folder", type=Path, default=LEADERBOARD, help="where the files go")
    parser.add_argument("--marker", type=Path, help="empty file to write when all else is written")
    parser.add_argument("--log", type=Path, help="file for everything but the lines about files that are not read")
    parser.add_argument("--quiet", action="store_true", help="print no table")
    options = parser.parse_args(arguments)
    return run_job("leaderboard", options.log, lambda console: _build(options, console))


def _build(options: argparse.Namespace, console: Console) -> None:
    """Build and write; name each file that is not read."""
    # The leaderboard does not depend on the number of threads of any run.
    built = build(Plan(load_inputs(Path(), load_config(options.config), threads=1)))
    write(built, options.folder)
    for line in built.lines:
        console.say(line)
    if not options.quiet:
        print(terminal_table(built.leaderboard.model_dump(mode="json")))
    if options.marker:
        write_atomically(options.marker, b"")
