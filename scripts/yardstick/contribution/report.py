"""The verdict on a contribution: a table for readers, and one line for each thing that is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from yardstick.leaderboard.text import markdown, one_line

_MOST_LINES = 200


@dataclass(frozen=True)
class Verdict:
    """What is said of one path.

    Attributes:
        path: relative to the repository's root.
        problems: why it is refused, each with its remedy; empty for a path that is taken.
        summary: the shard's headline, empty for one that could not be read.
    """

    path: str
    problems: list[str] = field(default_factory=list)
    summary: str = ""


@dataclass(frozen=True)
class Report:
    """What is said of a contribution.

    Attributes:
        verdicts: one per path.
        general: problems of the contribution as a whole, each with its remedy.
        notes: what a reviewer or contributor should know.
    """

    verdicts: list[Verdict]
    general: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_accepted(self) -> bool:
        """Whether nothing is refused."""
        return not self.refusals()

    def accepted(self) -> list[str]:
        """Return the paths that are taken."""
        return [verdict.path for verdict in self.verdicts if not verdict.problems]

    def refusals(self) -> list[str]:
        """Return one line for each thing that is refused: the file, why, and the remedy."""
        lines = [
            f"{one_line(verdict.path)}: {one_line(problem)}"
            for verdict in self.verdicts
            for problem in verdict.problems
        ]
        return [*map(one_line, self.general), *lines]

    def markdown(self) -> str:
        """Return the report as Markdown; nothing of the contribution is markup in it."""
        refused = sum(bool(verdict.problems) for verdict in self.verdicts)
        taken = len(self.verdicts) - refused
        head = "refused" if not self.is_accepted else "accepted" if taken else "empty"
        parts = [f"## Contribution of results: {head}", f"{taken} files can be taken, {refused} cannot."]
        if self.verdicts:
            parts.append("\n".join(["| | File | Result |", "| --- | --- | --- |", *self._rows()]))
        if lines := self.refusals():
            shown = [f"- {markdown(line)}" for line in lines[:_MOST_LINES]]
            parts.append("\n".join(["### To mend", "", *shown, *_rest(len(lines))]))
        if self.notes:
            parts.append("\n".join(["### Notes", "", *(f"- {markdown(note)}" for note in self.notes)]))
        return "\n\n".join(parts) + "\n"

    def _rows(self) -> list[str]:
        rows = [
            f"| {'refused' if verdict.problems else 'ok'} | {markdown(_short(verdict.path))} | {markdown(verdict.summary)} |"
            for verdict in self.verdicts[:_MOST_LINES]
        ]
        more = len(self.verdicts) - len(rows)
        return [*rows, f"| | and {more} more | |"] if more > 0 else rows


def _rest(count: int) -> list[str]:
    return [f"- and {count - _MOST_LINES} more"] if count > _MOST_LINES else []


def _short(path: str) -> str:
    """Return a shard's path without the hashes' tails, which tell a reader nothing."""
    parts = PurePosixPath(one_line(path)).parts
    if len(parts) != 5 or "=" not in parts[1]:
        return one_line(path)
    names = [part.partition("=")[2] for part in parts[1:4]]
    return " ".join([*names, parts[4][:8]])
