"""One shard of a contribution held against the current repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from yardstick.catalog import ANSWERS, METRICS, SUITES, answers_metric, is_scores, suite_of
from yardstick.contribution.documents import Run, document_problems, run_of
from yardstick.contribution.values.agreement import concurrency_disagreement, most_ratio, throughput_disagreement
from yardstick.contribution.values.answers import answer_problems, score_problems
from yardstick.contribution.values.columns import Rows, column_problems
from yardstick.contribution.values.concurrency import concurrency_problems
from yardstick.contribution.values.latency import latency_problems
from yardstick.contribution.values.long_text import long_text_problems
from yardstick.contribution.values.memory import memory_problems
from yardstick.contribution.values.throughput import throughput_problems
from yardstick.errors import YardstickError
from yardstick.identity import differences
from yardstick.leaderboard.text import one_line
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.shard_paths import ShardPath
from yardstick.shards import Shard

# Finds a shard that belongs to another: in the contribution if it was found good there, else in the repository.
Find = Callable[[ShardPath], Shard | None]

_MachineBound = Callable[[Rows, Mapping[str, Any], Run, ModelEntry], Iterator[str]]
_MACHINE_BOUND: dict[str, _MachineBound] = {
    "latency": latency_problems,
    "throughput": throughput_problems,
    "concurrency": concurrency_problems,
    "long_text": long_text_problems,
    "memory": memory_problems,
}
_MEASURE_AGAIN = "measure it again, and commit the file as the run writes it"
_MOST_PROBLEMS = 5


@dataclass(frozen=True)
class ShardCheck:
    """Holds shards against the current repository.

    Attributes:
        plan: the definitions that are current; its registry knows the entry that is added.
        find: finds other shards.
        now: the time, with a zone.
    """

    plan: Plan
    find: Find
    now: datetime

    def problems(self, shard: Shard) -> list[str]:
        """Return what is wrong with a shard, each with its remedy, the first few where there are many."""
        entry = self.plan.inputs.registry.get(shard.path.model)
        if entry is None:
            return [f"{shard.path.model} is not in config/models.yaml; add its entry in the same contribution"]
        try:
            current = self._current_problem(shard, entry)
        except YardstickError as error:
            return [one_line(str(error))]
        if current:
            return [current]
        found: Iterator[str] = iter(
            list(document_problems(shard, entry, self.now)) or list(column_problems(shard.path.metric, shard.rows))
        )
        problems = list(found) or list(islice(self._value_problems(shard, entry), _MOST_PROBLEMS))
        return [problem if "; " in problem else f"{problem}; {_MEASURE_AGAIN}" for problem in problems[:_MOST_PROBLEMS]]

    def _current_problem(self, shard: Shard, entry: ModelEntry) -> str | None:
        path, definition = shard.path, shard.identity["definition"]
        if path.definition == self.plan.definition_hash(path.metric, entry):
            return None
        if definition.get("metric") != path.metric:
            return f"it holds {one_line(str(definition.get('metric')))[:40]} and lies under {path.metric}; {_MEASURE_AGAIN}"
        if is_scores(path.metric):
            current = self.plan.score_definition(path.metric, entry)
        else:
            current = self.plan.identity(path.metric, entry).definition
        first = next(differences(definition, current), "unknown")
        return f"measured under another definition ({one_line(first)}); update your clone and run again"

    def _value_problems(self, shard: Shard, entry: ModelEntry) -> Iterator[str]:
        metric = shard.path.metric
        suite = suite_of(metric)
        if is_scores(metric):
            yield from self._score_problems(shard, entry)
        elif suite:
            yield from answer_problems(shard, self.plan.inputs.suites[suite], entry)
        else:
            protocol = shard.identity["definition"]["protocol"]
            problems = list(_MACHINE_BOUND[metric](shard.rows, protocol, run_of(shard), entry))
            yield from problems or self._disagreements(shard, entry)

    def _score_problems(self, shard: Shard, entry: ModelEntry) -> Iterator[str]:
        suite = self.plan.inputs.suites[shard.path.metric]
        answers = self._partner(shard, answers_metric(suite.name), entry)
        if answers is None:
            yield "the answers that it scores are missing or refused; contribute both, from one run"
            return
        yield from score_problems(shard, answers.rows, suite, entry)
        if shard.run != answers.run:
            yield "its run is not that of the answers; score them again, or commit both as they are"

    def _disagreements(self, shard: Shard, entry: ModelEntry) -> Iterator[str]:
        metric = shard.path.metric
        if metric not in ("throughput", "concurrency"):
            return
        latency = self._partner(shard, "latency", entry)
        if latency is None:
            return
        most = most_ratio(run_of(shard), run_of(latency))
        tokens = shard.identity["definition"]["protocol"]["max_new_tokens"]
        if metric == "throughput":
            yield from throughput_disagreement(shard.rows, latency.rows, tokens=tokens, most=most, entry=entry)
        else:
            yield from concurrency_disagreement(shard.rows, latency.rows, tokens=tokens, most=most)

    def _partner(self, shard: Shard, metric: str, entry: ModelEntry) -> Shard | None:
        """Return the current shard of another metric from the same machine and environment."""
        definition = self.plan.definition_hash(metric, entry)
        return self.find(ShardPath(metric, entry.id, shard.path.machine, definition, shard.path.environment))


def order(path: ShardPath) -> tuple[int, ShardPath]:
    """Sort shards so that those come first which others are held against."""
    before = (ANSWERS, "latency", *METRICS, *SUITES)
    return before.index(path.metric), path
