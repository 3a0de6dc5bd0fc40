"""All that the page shows: the leaderboard's document, and what of the shards a reader wants to look into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from yardstick.catalog import METRICS, answers_metric
from yardstick.leaderboard.document import Leaderboard, Row
from yardstick.leaderboard.page.answers import task_answers
from yardstick.leaderboard.page.history import history
from yardstick.leaderboard.page.interned import Interned
from yardstick.leaderboard.page.observations import observations
from yardstick.leaderboard.page.valid_shards import Key, ValidShard, by_key
from yardstick.leaderboard.rows import suite_scores
from yardstick.paths import RESULTS
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.shard_paths import ShardPath
from yardstick.suites.suite import Suite

_MACHINE_BOUND = [name for name, metric in METRICS.items() if metric.is_machine_bound]


def page_content(plan: Plan, leaderboard: Leaderboard, shards: Iterable[ValidShard]) -> dict[str, Any]:
    """Return the page's data as JSON values; the same for the same shards, registry and suite.

    Args:
        plan: what the leaderboard was built from.
        leaderboard: the document.
        shards: every valid shard that could be read.
    """
    groups = by_key(shards)
    content = _Content(plan, {key: group[-1] for key, group in groups.items()})
    rows = [content.row(row) for row in leaderboard.rows]
    past = history(plan.inputs.root / RESULTS, groups, content.environments)
    return {
        **leaderboard.model_dump(mode="json", include=_SHOWN_FIELDS),
        "rows": rows,
        "models": _models(plan, {row.model for row in leaderboard.rows}),
        "tasks": _tasks(plan),
        "history": past,
        "answers": list(content.answers.values()),
        "texts": content.texts.values,
        "machines": content.machines.values,
        "environments": content.environments.values,
    }


class _Content:
    """Makes the page's rows, and collects what they refer to by place."""

    def __init__(self, plan: Plan, newest: Mapping[Key, ValidShard]) -> None:
        self._plan = plan
        self._newest = newest
        self._results = plan.inputs.root / RESULTS
        self.answers: dict[ShardPath, dict[str, Any]] = {}
        self.texts, self.machines, self.environments = Interned(), Interned(), Interned()

    def row(self, row: Row) -> dict[str, Any]:
        """Return a row of the document with its raw observations and the place of its answers."""
        found = {metric: self._newest.get((metric, row.model, row.machine, row.threads)) for metric in _MACHINE_BOUND}
        shown = {metric: shard for metric, shard in found.items() if shard}
        return {
            **row.model_dump(mode="json", exclude=_LEFT_OUT),
            "environment": self.environments.place(row.environment.model_dump(mode="json")),
            "observed": observations(self._results, shown, self.machines),
            "answers": self._answers_places(row),
        }

    def _answers_places(self, row: Row) -> dict[str, int]:
        """Return suite -> place of the answers that the row's score comes from, which rows of several machines share."""
        return {
            suite: self._place_of(scores)
            for suite, score in suite_scores(row).items()
            if (scores := self._newest.get((suite, row.model, score.machine, None)))
        }

    def _place_of(self, scores: ValidShard) -> int:
        if scores.path not in self.answers:
            self.answers[scores.path] = self._answers_document(scores)
        return list(self.answers).index(scores.path)

    def _answers_document(self, scores: ValidShard) -> dict[str, Any]:
        entry = self._plan.inputs.registry[scores.path.model]
        definition = self._plan.definition_hash(answers_metric(scores.path.metric), entry)
        return {
            "suite": scores.path.metric,
            "at": scores.measured_at,
            "machine": scores.path.machine,
            "environment": self.environments.place(scores.environment),
            "tasks": task_answers(self._results, scores.path, definition, self.texts),
        }


# The page has these once for all rows, or as raw observations.
_LEFT_OUT: dict[str, Any] = {
    "description": True,
    "environment": True,
    "reasoning": {"solved_tasks", "failed_tasks"},
    "suites": {"__all__": {"solved_tasks", "failed_tasks"}},
    "throughput": {"rates"},
}
_SHOWN_FIELDS = {"suites", "fingerprint", "not_measured", "outlook", "unread", "definitions", "flags"}


def _models(plan: Plan, names: set[str]) -> dict[str, Any]:
    return {name: _model(plan.inputs.registry[name]) for name in sorted(names)}


def _model(entry: ModelEntry) -> dict[str, Any]:
    """Return what the registry says of a model and the rows do not."""
    return {
        "description": entry.description,
        "source": entry.source.model_dump(mode="json", exclude_none=True),
        "context_length": entry.context_length,
        "chat_template": entry.chat_template,
    }


def _tasks(plan: Plan) -> dict[str, Any]:
    """Return suite -> task -> what its file says of it, for the suites whose tasks are in their files."""
    return {
        suite.name: {task.id: task.model_dump(mode="json", exclude={"id"}) for task in suite.tasks}
        for suite in plan.inputs.suites.values()
        if isinstance(suite, Suite)
    }
