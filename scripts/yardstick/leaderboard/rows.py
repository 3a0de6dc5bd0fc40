"""Rows of the leaderboard: the newest valid shards of each model, machine and thread count, ranked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, get_args

from yardstick.catalog import MAIN_SUITE, METRICS, SUITES, answers_metric
from yardstick.comparison import rate_ranks, score_ranks
from yardstick.leaderboard.document import Metric, Row, SuiteScore
from yardstick.leaderboard.flags import in_order, mixed_flags
from yardstick.leaderboard.reduce import Summary
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.shard_paths import ShardPath

MACHINE_BOUND = [name for name, metric in METRICS.items() if metric.is_machine_bound]
SHOWN: tuple[Metric, ...] = get_args(Metric)

Read = Callable[[ShardPath], Summary | None]
_Key = TypeVar("_Key")
# Model, machine, threads (0 for none): no two rows share them.
_Identity = tuple[str, str, int]


def rows_of(plan: Plan, entry: ModelEntry, read: Read) -> list[Row]:
    """Return the rows of one model, without ranks, in no order.

    Args:
        plan: says which shards are valid.
        entry: the model.
        read: reduces a shard, or reports a broken one and returns None.
    """
    scores = {
        suite: _newest(summaries(plan, entry, suite, read), key=lambda summary: summary.path.machine)
        for suite in plan.inputs.suites
    }
    groups: dict[tuple[str, int | None], list[Summary]] = {}
    for metric in MACHINE_BOUND:
        for key, summary in _newest(summaries(plan, entry, metric, read), key=_machine_and_threads).items():
            groups.setdefault(key, []).append(summary)
    if groups:
        return [_row(entry, *key, measured, _scores_for(key[0], scores)) for key, measured in groups.items()]
    answers = (found for suite in scores for found in summaries(plan, entry, answers_metric(suite), read))
    return _row_without_machine(entry, scores, answers)


def summaries(plan: Plan, entry: ModelEntry, metric: str, read: Read) -> Iterable[Summary]:
    """Yield the readable ones of the valid shards of one metric, one at a time."""
    for path in plan.valid(metric, entry):
        summary = read(path)
        if summary is not None:
            yield summary


def ranked(rows: Iterable[Row]) -> list[Row]:
    """Return rows in the order of the table, with ranks in which rows that cannot be told apart are equal."""
    # The order of the comparison decides which random numbers a row gets, so it is always the same.
    rows = sorted(rows, key=_identity)
    ranks, speed_ranks = _ranks_by_score(rows), _ranks_by_speed(rows)
    found = [
        row.model_copy(update={"rank": ranks.get(_identity(row)), "speed_rank": speed_ranks.get(_identity(row))})
        for row in rows
    ]
    return sorted(found, key=_order)


def suite_scores(row: Row) -> dict[str, SuiteScore]:
    """Return the row's scores by suite, the main one first."""
    return ({MAIN_SUITE: row.reasoning} if row.reasoning else {}) | row.suites


def ranked_suites(rows: Iterable[Row]) -> list[str]:
    """Return the suites that ranks are made of: those that all ranked models have.

    Ranked are the models that have the suite which most models have; of several such, the first one.
    """
    known: dict[str, set[str]] = {}
    for row in rows:
        known.setdefault(row.model, set()).update(suite_scores(row))
    models = {suite: {model for model, suites in known.items() if suite in suites} for suite in SUITES}
    base = max(SUITES, key=lambda suite: len(models[suite]))
    return [suite for suite in SUITES if models[base] and models[base] <= models[suite]]


def _ranks_by_score(rows: Sequence[Row]) -> dict[_Identity, int]:
    suites = ranked_suites(rows)
    scored = [(row, suite_scores(row)) for row in rows]
    scored = [(row, scores) for row, scores in scored if suites and set(suites) <= scores.keys()]
    common = [_common_tasks([scores[suite] for _, scores in scored]) for suite in suites]
    solved = [
        frozenset(
            (suite, task)
            for suite, tasks in zip(suites, common, strict=True)
            for task in tasks.intersection(scores[suite].solved_tasks)
        )
        for _, scores in scored
    ]
    ranks = score_ranks([(row.model, tasks) for (row, _), tasks in zip(scored, solved, strict=True)])
    return {_identity(row): rank for (row, _), rank in zip(scored, ranks, strict=True)}


def _common_tasks(scores: Sequence[SuiteScore]) -> set[str]:
    """Return the tasks of a suite that all were asked: where answering ends early, some were asked fewer."""
    return set.intersection(*({*score.solved_tasks, *score.failed_tasks} for score in scores)) if scores else set()


def _ranks_by_speed(rows: Sequence[Row]) -> dict[_Identity, int | None]:
    """Return the ranks by tokens/s within each machine and number of threads."""
    groups: dict[tuple[str, int | None], list[tuple[Row, list[float]]]] = {}
    for row in rows:
        if row.throughput:
            groups.setdefault((row.machine, row.threads), []).append((row, row.throughput.rates))
    return {
        _identity(row): rank
        for group in groups.values()
        for (row, _), rank in zip(group, rate_ranks([rates for _, rates in group]), strict=True)
    }


def _identity(row: Row) -> _Identity:
    return row.model, row.machine, row.threads or 0


def _order(row: Row) -> tuple[Any, ...]:
    rate = row.throughput.tokens_per_s if row.throughput else -1.0
    return row.rank or math.inf, -_score(row), -rate, *_identity(row)


def _score(row: Row) -> float:
    """Return the score, less than any score where there is none."""
    return row.reasoning.score if row.reasoning else -1.0


def _machine_and_threads(summary: Summary) -> tuple[str, int | None]:
    return summary.path.machine, summary.threads


def _newest(found: Iterable[Summary], key: Callable[[Summary], _Key]) -> dict[_Key, Summary]:
    """Keep the newest summary of each key."""
    newest: dict[_Key, Summary] = {}
    for summary in found:
        known = newest.get(key(summary))
        if known is None or known.age_key < summary.age_key:
            newest[key(summary)] = summary
    return newest


# Suite -> machine -> its newest scores there.
_Scores = dict[str, dict[str, Summary]]


def _scores_for(machine: str, scores: _Scores) -> list[Summary]:
    """Return each suite's scores from the machine, else its newest: answers do not depend on a machine's speed."""
    return [
        found.get(machine) or max(found.values(), key=lambda summary: summary.age_key)
        for found in scores.values()
        if found
    ]


def _row_without_machine(entry: ModelEntry, scores: _Scores, answers: Iterable[Summary]) -> list[Row]:
    """Return one row for a model of which there are only scores, or only answers that wait for their scores."""
    found = next((list(of_suite.values()) for of_suite in scores.values() if of_suite), None) or list(answers)
    if not found:
        return []
    newest = max(found, key=lambda summary: summary.age_key)
    return [_row(entry, newest.path.machine, None, [], _scores_for(newest.path.machine, scores) or [newest])]


def _row(entry: ModelEntry, machine: str, threads: int | None, measured: list[Summary], scores: list[Summary]) -> Row:
    used = [*measured, *scores]
    parts = {name: part for summary in used for name, part in summary.parts.items()}
    flags = set().union(*(summary.flags for summary in used)) | mixed_flags([summary.environment for summary in used])
    newest = max(measured or used, key=lambda summary: summary.age_key)
    fields: dict[str, Any] = {
        **entry.model_dump(include=_ENTRY_FIELDS),
        **{name: parts.get(name) for name in _PART_FIELDS},
        "suites": {suite: parts[suite] for suite in SUITES if suite != MAIN_SUITE and suite in parts},
    }
    return Row(
        rank=None,
        speed_rank=None,
        device=newest.environment.device or entry.device,
        model=entry.id,
        machine=machine,
        threads=threads,
        flags=in_order(flags),
        missing=[name for name in SHOWN if name not in parts],
        measured_at=max(summary.measured_at for summary in used),
        environment=newest.environment,
        engine=dict(newest.engine),
        **fields,
    )


_ENTRY_FIELDS = {"tier", "parameters", "license", "description", "backend", "dtype", "quantization"}
_PART_FIELDS = ("reasoning", "latency", "ttft", "throughput", "memory", "concurrency", "long_text")
