"""The job summary of a published leaderboard."""

from __future__ import annotations

import re

from yardstick.leaderboard.text import markdown
from yardstick.publishing.publish import Published

# GitHub shows at most 1 MiB.
_MOST_LETTERS = 500_000


def summary(published: Published) -> str:
    """Return Markdown: what was published, what was refused, and the table."""
    if published.commit is None:
        head = "Nothing has changed, so nothing was committed."
    else:
        head = f"Commit {published.commit[:12]} with {published.shards} new shards."
    parts = ["## Leaderboard", head, *(f"- refused: {markdown(line)}" for line in published.refused)]
    return "\n\n".join([*parts, table(published.leaderboard)]) + "\n"


def table(page: str) -> str:
    """Return the first table of a Markdown page, or what it says where there is none."""
    found = re.search(r"(?:^\|.*\n)+", page, re.MULTILINE)
    text = found[0] if found else "There are no results yet."
    return text if len(text) <= _MOST_LETTERS else "The table is too long to be shown here; see LEADERBOARD.md.\n"
