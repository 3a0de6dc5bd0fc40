"""What is up to date and what is wanted, with the reason: which field of which document changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from yardstick.catalog import METRICS, answers_metric
from yardstick.identity import Document, differences
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.shard_paths import ShardPath
from yardstick.shards import read_identity

_MOST_REASONS = 3


def status_lines(plan: Plan, entries: list[ModelEntry], results: Path) -> Iterator[str]:
    """Yield one line per model and metric: ``up to date``, or ``wanted`` and why."""
    for suite, lack in plan.left_out_suites.items():
        yield f"left out    suite {suite}: {lack}"
    for entry in entries:
        if reason := plan.obstacle(entry):
            yield f"left out    {entry.id}: {reason}"
            continue
        metrics = plan.metrics(entry)
        for metric in metrics:
            yield _line(metric, entry, _measurement_reason(plan, metric, entry, results))
        for asked in [found for metric in metrics if (found := METRICS[metric].suite)]:
            yield _line(asked, entry, _score_reason(plan, asked, entry, results))


def _line(metric: str, entry: ModelEntry, reason: str | None) -> str:
    return f"up to date  {metric} {entry.id}" if reason is None else f"wanted      {metric} {entry.id}: {reason}"


def _measurement_reason(plan: Plan, metric: str, entry: ModelEntry, results: Path) -> str | None:
    """Return why a metric is to be measured on this machine, or None when it is up to date."""
    path = plan.path(metric, entry)
    if plan.is_current(path):
        return None
    earlier = plan.inputs.listing.of(metric, entry.id)
    if METRICS[metric].is_machine_bound:
        earlier = [shard for shard in earlier if shard.machine == plan.machine]
        if not earlier:
            return f"never measured on {plan.machine}"
    return _changes(earlier, plan.identity(metric, entry).as_document(), results) or "never measured"


def _score_reason(plan: Plan, suite: str, entry: ModelEntry, results: Path) -> str | None:
    """Return why scores are to be computed, or None when all valid answers have them."""
    answers = plan.valid(answers_metric(suite), entry)
    if not plan.is_current(plan.path(answers_metric(suite), entry)):
        return "the answers are wanted"
    missing = [path for path in answers if plan.score_of(path, entry) not in plan.inputs.listing.sizes]
    if not missing:
        return None
    earlier = plan.inputs.listing.of(suite, entry.id)
    return _changes(earlier, {"definition": plan.score_definition(suite, entry)}, results) or "never scored"


def _changes(earlier: list[ShardPath], wanted: Document, results: Path) -> str | None:
    """Return how the wanted identity differs from the nearest one that was measured before."""
    found: list[list[str]] = []
    for shard in earlier:
        stored = read_identity(results, shard)
        if stored is not None and all(isinstance(stored.get(part), dict) for part in wanted):
            found.append([text for part in wanted for text in differences(stored[part], wanted[part])])
    if not found:
        return None
    nearest = min(found, key=len)
    more = f" and {len(nearest) - _MOST_REASONS} more" if len(nearest) > _MOST_REASONS else ""
    return ", ".join(nearest[:_MOST_REASONS]) + more
