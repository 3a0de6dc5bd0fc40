"""Build the leaderboard: every valid shard reduced to its summary, the summaries to rows, the rows to files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.leaderboard.columns import definitions
from yardstick.leaderboard.document import SCHEMA_REFERENCE, VERSION, Leaderboard, NotMeasured, Row, SuiteInfo, Unread
from yardstick.leaderboard.flags import FLAGS
from yardstick.leaderboard.outlook import outlook
from yardstick.leaderboard.page.content import page_content
from yardstick.leaderboard.page.html import html
from yardstick.leaderboard.page.valid_shards import ValidShard, valid_shard
from yardstick.leaderboard.reasons import reason
from yardstick.leaderboard.reduce import Summary, summarize
from yardstick.leaderboard.render import render
from yardstick.leaderboard.rows import ranked, ranked_suites, rows_of, suite_scores
from yardstick.leaderboard.text import one_line
from yardstick.paths import RESULTS
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.shard_paths import ShardPath

PAGE = "index.html"


@dataclass(frozen=True)
class Built:
    """A leaderboard and what was left out of it.

    Attributes:
        leaderboard: the document.
        lines: one line for each file that was not read, with what to do about it.
        page: makes the content of `index.html`, which takes reading some shards again.
    """

    leaderboard: Leaderboard
    lines: list[str]
    page: Callable[[], bytes]


def build(plan: Plan) -> Built:
    """Reduce the valid shards. A file that cannot be read is reported and stops nothing."""
    reader = _Reader(plan.inputs.root / RESULTS)
    rows: list[Row] = []
    not_measured: list[NotMeasured] = []
    for entry in plan.inputs.registry.values():
        found = _rows(plan, entry, reader)
        rows += found
        if not found:
            not_measured.append(NotMeasured(model=entry.id, tier=entry.tier, reason=reason(plan, entry)))
    for name in plan.inputs.listing.foreign:
        reader.report(
            name, "not the name of a shard", f"results/{one_line(name)}: not the name of a shard; it is not read"
        )
    leaderboard = Leaderboard(
        **{"$schema": SCHEMA_REFERENCE},
        version=VERSION,
        fingerprint=plan.fingerprint(),
        suites=_suites(plan, rows),
        rows=ranked(rows),
        not_measured=not_measured,
        outlook=outlook(plan),
        unread=sorted(reader.unread, key=lambda unread: unread.file),
        definitions=definitions(),
        flags=FLAGS,
    )
    return Built(leaderboard, reader.lines, lambda: html(page_content(plan, leaderboard, reader.shards)))


def write(built: Built, folder: Path) -> None:
    """Write the leaderboard's files into a folder, each at once; the JSON last, which says what they are made from.

    Raises:
        YardstickError: the disk is full or not writable.
    """
    for name, content in {PAGE: built.page(), **render(built.leaderboard)}.items():
        write_atomically(folder / name, content)


def _suites(plan: Plan, rows: list[Row]) -> dict[str, SuiteInfo]:
    known, of_rank = {name for row in rows for name in suite_scores(row)}, ranked_suites(rows)
    return {
        name: SuiteInfo(title=suite.heading, description=suite.about, is_ranked=name in of_rank)
        for name, suite in plan.inputs.suites.items()
        if name in known
    }


def _rows(plan: Plan, entry: ModelEntry, reader: _Reader) -> list[Row]:
    return [] if plan.obstacle(entry) else rows_of(plan, entry, reader.read)


@dataclass
class _Reader:
    """Reduces shards and remembers those that could not be read."""

    results: Path
    shards: list[ValidShard] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def read(self, path: ShardPath) -> Summary | None:
        """Return a shard's summary, or None after reporting it."""
        try:
            summary = summarize(self.results, path)
        except YardstickError as error:
            why = str(error).removeprefix(f"{path.below(self.results)}: ")
            self.report(str(path), _lasting(why), f"results/{path}: {one_line(why)}")
            return None
        self.shards.append(valid_shard(summary))
        return summary

    def report(self, name: str, why: str, line: str) -> None:
        """Remember a file below `results/` that was not read."""
        self.unread.append(Unread(file=f"results/{one_line(name)}", reason=why))
        self.lines.append(line)


def _lasting(why: str) -> str:
    """Return an error's first clause: its details and remedy vary with library versions and do not belong in a file."""
    return re.split(r" \(|;", one_line(why), maxsplit=1)[0]
