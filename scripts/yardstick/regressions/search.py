"""Search the results for regressions: two looks, the second at what was measured again after the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from yardstick.catalog import is_scores
from yardstick.errors import YardstickError
from yardstick.locks import hold_run_lock
from yardstick.paths import RUN_LOCK
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.regressions.confirmation import fork_server, measure_again
from yardstick.regressions.points import History, Point, histories, read_point
from yardstick.regressions.verdicts import (
    Comparison,
    Verdict,
    compare_sizes,
    compare_tasks,
    compare_times,
    decide,
)

Say = Callable[[str], None]


class Outcome(StrEnum):
    """What a search says of the newest result of one model and metric."""

    WORSE = "worse, measured twice"
    NOT_CONFIRMED = "not confirmed by a second measurement"
    DOUBTFUL = "worse, but the machine was not quiet"
    UNCHECKED = "worse once, could not be measured again"
    BETTER = "better"
    SAME = "no change"
    TOO_FEW = "too few observations to tell"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        history: the newest point and those before.
        comparison: the newest point against those.
        outcome: what came of it.
        note: what a person should know beside it.
    """

    history: History
    comparison: Comparison
    outcome: Outcome
    note: str = ""


def search(plan: Plan, entries: Sequence[ModelEntry], results: Path, say: Say) -> list[Finding]:
    """Compare the newest result of each model and metric with the earlier ones; measure again what looks worse.

    Args:
        plan: says which results are current, and on which machine this is.
        entries: the models to look at.
        results: the folder of the shards.
        say: told what is measured again.

    Raises:
        YardstickError: a shard cannot be read, or another run works in this folder.
    """
    found = [history for history in histories(plan, entries, results, plan.inputs.threads) if history.earlier]
    comparisons = [compare(history.earlier, history.newest) for history in found]
    verdicts = decide(comparisons)
    findings = [
        Finding(history, comparison, _FIRST_LOOK[verdict])
        for history, comparison, verdict in zip(found, comparisons, verdicts, strict=True)
    ]
    return _confirm(plan, findings, results, say)


def compare(earlier: Sequence[Point], newest: Point) -> Comparison:
    """Compare a point with earlier ones of the same metric, by what suits the metric."""
    metric = newest.path.metric
    if is_scores(metric):
        return compare_tasks(earlier[-1].tasks, newest.tasks)
    if metric == "memory":
        return compare_sizes([point.size for point in earlier], newest.size)
    return compare_times([point.times for point in earlier], newest.times)


def _confirm(plan: Plan, findings: list[Finding], results: Path, say: Say) -> list[Finding]:
    """Return the findings with each suspicion confirmed, dropped or doubted."""
    suspects = {place: finding for place, finding in enumerate(findings) if finding.outcome is Outcome.UNCHECKED}
    settled = dict(suspects)
    if any(finding.history.newest.confirmation is None for finding in suspects.values()):
        hold_run_lock(RUN_LOCK, "find_regressions")
        with fork_server():
            settled = {place: _measured_again(plan, finding, results, say) for place, finding in suspects.items()}
    twice = {place: finding for place, finding in settled.items() if finding.history.newest.confirmation}
    seconds = {place: _second_look(finding.history) for place, finding in twice.items()}
    for (place, finding), verdict in zip(twice.items(), decide(list(seconds.values())), strict=True):
        settled[place] = _settle(finding, verdict)
    return [settled.get(place, finding) for place, finding in enumerate(findings)]


def _measured_again(plan: Plan, finding: Finding, results: Path, say: Say) -> Finding:
    history, point = finding.history, finding.history.newest
    if point.confirmation:
        return finding
    say(f"{history.metric} of {history.entry.id} looks worse, so it is measured once more")
    try:
        confirmation = read_point(results, measure_again(plan, history.entry, point))
    except YardstickError as error:
        return replace(finding, note=str(error))
    return replace(finding, history=replace(history, newest=replace(point, confirmation=confirmation)))


def _second_look(history: History) -> Comparison:
    assert history.newest.confirmation is not None
    return compare(history.earlier, history.newest.confirmation)


def _settle(finding: Finding, verdict: Verdict) -> Finding:
    point = finding.history.newest
    confirmation = point.confirmation
    assert confirmation is not None
    if confirmation.surroundings != point.surroundings:
        return replace(finding, note="the second measurement ran on another processor")
    if verdict is not Verdict.WORSE:
        return replace(finding, outcome=Outcome.NOT_CONFIRMED)
    if flags := point.flags | confirmation.flags:
        return replace(finding, outcome=Outcome.DOUBTFUL, note=", ".join(sorted(flags)))
    return replace(finding, outcome=Outcome.WORSE)


# A suspicion stays unchecked until the second look.
_FIRST_LOOK = {
    Verdict.WORSE: Outcome.UNCHECKED,
    Verdict.BETTER: Outcome.BETTER,
    Verdict.SAME: Outcome.SAME,
    Verdict.TOO_FEW: Outcome.TOO_FEW,
}
