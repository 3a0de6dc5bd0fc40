"""What a search for regressions or a comparison of revisions found, as tables for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tabulate import tabulate

from yardstick.catalog import is_scores
from yardstick.leaderboard.cells import number
from yardstick.leaderboard.text import markdown, one_line
from yardstick.regressions.paired import PairedComparison, Speed
from yardstick.regressions.search import Finding, Outcome

HEADINGS = ["Metric", "Model", "Before", "Now", "Change", "Points", "Result"]
_NUMBERS = {"Before", "Now", "Change", "Points"}
# The worst first; what did not change is only counted.
_ORDER = [Outcome.WORSE, Outcome.DOUBTFUL, Outcome.UNCHECKED, Outcome.NOT_CONFIRMED, Outcome.BETTER, Outcome.TOO_FEW]


def is_alarm(findings: Sequence[Finding]) -> bool:
    """Tell whether something got worse, beyond doubt."""
    return any(finding.outcome is Outcome.WORSE for finding in findings)


def summary(findings: Sequence[Finding], machine: str) -> str:
    """Return one line that says what came out."""
    if not findings:
        return (
            f"nothing to compare: no metric of any model has two results on {machine} with the same definition, "
            "threads and processor; history grows with each --config epoch=LABEL"
        )
    counts = [
        f"{sum(finding.outcome is kind for finding in findings)} {kind.value}" for kind in [*_ORDER, Outcome.SAME]
    ]
    return f"{len(findings)} compared on {machine}: " + "; ".join(text for text in counts if not text.startswith("0 "))


def terminal_table(findings: Sequence[Finding]) -> str:
    """Return a table of all that changed or may have, the worst first; empty when nothing did."""
    rows = [[one_line(cell) for cell in row] for row in _rows(findings)]
    sides = ["right" if name in _NUMBERS else "left" for name in HEADINGS]
    text: str = (
        tabulate(rows, headers=HEADINGS, tablefmt="simple", colalign=sides, disable_numparse=True) if rows else ""
    )
    return text


def markdown_report(findings: Sequence[Finding], machine: str) -> str:
    """Return the same for a job's summary on GitHub."""
    lines = ["## Regressions", "", markdown(summary(findings, machine)) + ".", ""]
    if rows := _rows(findings):
        lines.append("| " + " | ".join(HEADINGS) + " |")
        lines.append("| " + " | ".join("---:" if name in _NUMBERS else "---" for name in HEADINGS) + " |")
        lines += ["| " + " | ".join(markdown(cell) for cell in row) + " |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def paired_table(
    found: Mapping[tuple[str, str], PairedComparison], speeds: Sequence[Speed], *, base: str, head: str
) -> str:
    """Return a Markdown table of (model, metric) on two revisions."""
    worst = "slower" if Speed.SLOWER in speeds else "not slower"
    lines = [
        f"## {head[:12]} is {worst} than {base[:12]}",
        "",
        "| Model | Metric | Base | Head | Change | 95 % interval | Result |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for ((model, metric), pair), speed in zip(found.items(), speeds, strict=True):
        cells = [
            model,
            metric,
            _value(metric, pair.base),
            _value(metric, pair.head),
            *_changes(metric, pair),
            speed.value,
        ]
        lines.append("| " + " | ".join(markdown(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _changes(metric: str, pair: PairedComparison) -> tuple[str, str]:
    """Return the change over the pairs and its interval, of what is shown."""
    shown = change(metric, 1, math.exp(pair.change))
    if pair.interval is None:
        return shown, "–"
    ends = pair.interval[::-1] if metric == "throughput" else pair.interval
    return shown, " to ".join(change(metric, 1, math.exp(end)) for end in ends)


def _rows(findings: Sequence[Finding]) -> list[list[str]]:
    shown = [finding for finding in findings if finding.outcome is not Outcome.SAME]
    shown.sort(key=lambda finding: (_ORDER.index(finding.outcome), finding.history.metric, finding.history.entry.id))
    return [_row(finding) for finding in shown]


def _row(finding: Finding) -> list[str]:
    history, found = finding.history, finding.comparison
    before, after = (_value(history.metric, value) for value in (found.before, found.after))
    result = finding.outcome.value + (f" ({finding.note})" if finding.note else "")
    points = str(len(history.earlier) + 1)
    return [
        history.metric,
        history.entry.id,
        before,
        after,
        change(history.metric, found.before, found.after),
        points,
        result,
    ]


def _value(metric: str, value: float) -> str:
    """Return a level in the unit in which the leaderboard shows it."""
    if metric == "throughput":
        return f"{number(1 / value)} tokens/s"
    if metric == "memory":
        return f"{number(value / 1e6)} MB"
    return f"{value:.2f}" if is_scores(metric) else f"{number(value)} s"


def change(metric: str, before: float, after: float) -> str:
    """Return the change of what is shown: percent, for scores points of a hundred."""
    if is_scores(metric):
        return f"{100 * (after - before):+.0f} points"
    if metric == "throughput":
        before, after = 1 / before, 1 / after
    return f"{100 * (after / before - 1):+.1f} %" if before > 0 else "–"
