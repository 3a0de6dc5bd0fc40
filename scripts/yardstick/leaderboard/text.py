"""Text of unknown origin made harmless for one line, for Markdown and for spreadsheets."""

from __future__ import annotations

import re

# What starts markup in GitHub's Markdown, tables, emoji, maths and bare links included.
_MARKUP = re.compile(r"[\\`*_\[\]{}|~$#!]|:(?=\S)|(?<=www)\.", re.IGNORECASE)
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def one_line(text: str) -> str:
    """Return text on one line: control and other invisible characters become blanks, runs of blanks one blank."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def markdown(text: str) -> str:
    """Return text that Markdown shows as it is, also inside a table's cell.

    Marks that only count at the start of a line (``-``, ``1.``) stay: put something else before the text.
    """
    escaped = _MARKUP.sub(lambda found: "\\" + found[0], one_line(text))
    return re.sub("[&<>]", lambda found: _HTML[found[0]], escaped)


def spreadsheet(text: str) -> str:
    """Return text that a spreadsheet shows and never computes: a formula's first character gets a quote before it."""
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA_STARTS) else line
