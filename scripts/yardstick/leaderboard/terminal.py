"""The leaderboard as a table for a terminal, from `leaderboard.json` alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tabulate import tabulate

from yardstick.errors import YardstickError
from yardstick.leaderboard.cells import cells, headings
from yardstick.leaderboard.text import one_line

FILE = "leaderboard.json"
# More than a screen or two is read in a file, not in a terminal.
_MOST_LINES = 60


def leaderboard_table(folder: Path) -> str:
    """Return the table of the folder's `leaderboard.json`. See `read_leaderboard` for errors."""
    return terminal_table(read_leaderboard(folder))


def terminal_table(document: Mapping[str, Any]) -> str:
    """Return the table, the models without results and how many files were not read; no control characters.

    Args:
        document: the content of `leaderboard.json`.
    """
    parts = [
        _table(document["rows"][:_MOST_LINES], document["suites"]) + _rest(document["rows"])
        if document["rows"]
        else "No results yet."
    ]
    if absent := document["not_measured"]:
        lines = [f"  {one_line(model['model'])}: {one_line(model['reason'])}" for model in absent[:_MOST_LINES]]
        parts.append("\n".join(["Without results:", *lines]) + _rest(absent))
    if document["unread"]:
        parts.append(f"Files that were not read: {len(document['unread'])}; they are named in LEADERBOARD.md.")
    return "\n\n".join(parts)


def read_leaderboard(folder: Path) -> dict[str, Any]:
    """Return the content of the folder's `leaderboard.json`.

    Raises:
        YardstickError: the file is missing or no leaderboard.
    """
    file = folder / FILE
    remedy = "make it with: snakemake --cores 1 leaderboard"
    try:
        document = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise YardstickError(f"{file}: no such file; {remedy}") from None
    except (OSError, ValueError) as error:
        raise YardstickError(f"{file}: cannot be read ({one_line(str(error))}); {remedy}") from None
    if not isinstance(document, dict) or not {"rows", "not_measured", "unread", "suites"} <= document.keys():
        raise YardstickError(f"{file}: not a leaderboard; {remedy}")
    return document


def _rest(entries: list[Any]) -> str:
    """Return a line that says how many entries are not shown, if some are not."""
    more = len(entries) - _MOST_LINES
    return f"\n... and {more} more in LEADERBOARD.md" if more > 0 else ""


def _table(rows: list[Mapping[str, Any]], suites: Mapping[str, Any]) -> str:
    shown = headings(suites)
    table = [[one_line(cell) for cell in cells(row, suites)] for row in rows]
    sides = ["right" if is_number else "left" for is_number in shown.values()]
    text: str = tabulate(
        table,
        headers=[one_line(heading) for heading in shown],
        tablefmt="simple",
        colalign=sides,
        disable_numparse=True,
    )
    return text
