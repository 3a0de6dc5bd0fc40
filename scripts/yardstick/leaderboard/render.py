"""The leaderboard's files: JSON, CSV and Markdown, each byte for byte the same for the same document."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from yardstick.leaderboard.cells import cells, engine, environment, headings, machine, other_suites, parameters
from yardstick.leaderboard.columns import csv_text
from yardstick.leaderboard.document import Leaderboard
from yardstick.leaderboard.outlook_tables import outlook_tables
from yardstick.leaderboard.text import markdown, one_line

TEMPLATES = Path(__file__).parent / "templates"
MARKDOWN, CSV, JSON = "LEADERBOARD.md", "leaderboard.csv", "leaderboard.json"


def render(leaderboard: Leaderboard) -> dict[str, bytes]:
    """Return file name -> content. The JSON comes last, since it says what the files beside it are made from."""
    document = leaderboard.model_dump(mode="json")
    return {
        CSV: csv_text(document["rows"]).encode(),
        MARKDOWN: markdown_text(document).encode(),
        JSON: (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
    }


def markdown_text(document: dict[str, Any]) -> str:
    """Return the Markdown page of a document as `leaderboard.json` holds it."""
    rows = document["rows"]
    models = {row["model"]: row for row in rows}
    return (
        _environment()
        .get_template("leaderboard.md.j2")
        .render(
            document=document,
            headings=headings(document["suites"]),
            table=[cells(row, document["suites"]) for row in rows],
            models=[models[name] for name in sorted(models)],
            used_flags={name for row in rows for name in row["flags"]},
            others=list(other_suites(document["suites"]).values()),
            ranked=" and ".join(suite["title"] for suite in document["suites"].values() if suite["is_ranked"]),
            example=next((row for row in rows if row["threads"]), None),
            parameters=parameters,
            engine=engine,
            environment=environment,
            machine=machine,
            outlook=outlook_tables(document["outlook"]),
        )
    )


@cache
def _environment() -> jinja2.Environment:
    """Return the templates' environment. Each value that a template prints is escaped for Markdown or is code."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        finalize=_escape,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _Code
    return environment


class _Code(str):
    """A line of a fenced block, where nothing is markup but the fence."""

    def __new__(cls, text: object) -> _Code:
        return super().__new__(cls, one_line(str(text)).replace("`", "'"))


def _escape(value: object) -> str:
    return value if isinstance(value, _Code) else markdown(str(value))
