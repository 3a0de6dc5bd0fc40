"""Why a model has no row: from registry, shards and code alone, so that the text is the same wherever it is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yardstick.catalog import METRICS, is_scores
from yardstick.identity import Document, differences, document_hash
from yardstick.leaderboard.text import one_line
from yardstick.paths import RESULTS
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.shard_paths import ShardPath
from yardstick.shards import read_documents

MOST_DIFFERENCES = 3
_LONGEST_DIFFERENCE = 200


def reason(plan: Plan, entry: ModelEntry) -> str:
    """Return why a model that has no readable valid shard has none."""
    obstacle = plan.obstacle(entry)
    if obstacle:
        return one_line(obstacle)
    if any(plan.valid(metric, entry) for metric in [*METRICS, *plan.inputs.suites]):
        return "its results cannot be read, see the files that were not read"
    return _staleness(plan, entry) or f"not measured yet: snakemake --cores 1 {entry.tier}"


def _staleness(plan: Plan, entry: ModelEntry) -> str | None:
    # Scores are looked at last: their definition holds only the hash of that of the answers.
    for metrics in (list(METRICS), list(plan.inputs.suites)):
        old = [path for metric in metrics for path in plan.inputs.listing.of(metric, entry.id)]
        if old:
            return f"measured before, but stale: {_changes(plan, entry, old)}"
    return None


def _changes(plan: Plan, entry: ModelEntry, old: list[ShardPath]) -> str:
    """Return in which fields the newest readable one of stale shards differs from what is asked now."""
    results = plan.inputs.root / RESULTS
    newest = max(
        ((_measured_at(run), path, definition) for path, definition, run in _readable(results, old)),
        key=lambda found: found[:2],
        default=None,
    )
    if newest is None:
        return "its old results cannot be read"
    _, path, definition = newest
    fields = list(differences(definition, _current_definition(plan, entry, path.metric)))
    shown = [one_line(field)[:_LONGEST_DIFFERENCE] for field in fields[:MOST_DIFFERENCES]]
    more = [f"and {len(fields) - MOST_DIFFERENCES} more"] if len(fields) > MOST_DIFFERENCES else []
    return ", ".join(shown + more)


def _readable(results: Path, paths: list[ShardPath]) -> Iterator[tuple[ShardPath, Document, Any]]:
    """Yield shards with their stored definition and run, if the definition is the one that the path names."""
    for path in paths:
        identity, run = read_documents(results, path) or (None, None)
        definition = identity.get("definition") if isinstance(identity, dict) else None
        if isinstance(definition, dict) and _hash(definition) == path.definition:
            yield path, definition, run


def _hash(document: Document) -> str | None:
    """Return a document's hash, or None for a forged one that has none: half characters, or nested too deep."""
    try:
        return document_hash(document)
    except (ValueError, RecursionError):
        return None


def _measured_at(run: Any) -> str:
    measured_at = run.get("measured_at") if isinstance(run, dict) else None
    return measured_at if isinstance(measured_at, str) else ""


def _current_definition(plan: Plan, entry: ModelEntry, metric: str) -> Document:
    if is_scores(metric):
        return plan.score_definition(metric, entry)
    return plan.identity(metric, entry).definition
