"""Scores of answers that are there: no model runs, so mending a keyword costs a second."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from yardstick.console import Console, run_job
from yardstick.errors import YardstickError
from yardstick.identity import document_hash, score_definition
from yardstick.paths import REGISTRY, RESULTS, SUITE
from yardstick.registry import load_registry
from yardstick.shard_paths import ShardPath, parse_shard_path
from yardstick.shards import read_shard, write_shard
from yardstick.suites.keyword_match import match
from yardstick.suites.suite import Suite, load_suite


def main(description: str, arguments: Sequence[str] | None = None) -> int:
    """Score one shard of answers as a program and return its exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--answers", type=Path, required=True, help="shard of answers, below results/")
    parser.add_argument("--output", type=Path, required=True, help="path of the shard to write, below results/")
    parser.add_argument("--log", type=Path, help="file for everything but progress")
    options = parser.parse_args(arguments)
    path = _parsed(options.output)
    title = f"reasoning {path.model}" if path else "reasoning"
    return run_job(title, options.log, lambda console: score(options, console))


def score(options: argparse.Namespace, console: Console) -> None:
    """Read answers, score them, write the scores' shard.

    Raises:
        YardstickError: the answers cannot be read, or the inputs changed since the path was computed.
    """
    path, suite = _shard(options.output), load_suite(SUITE)
    answers = read_shard(RESULTS, _shard(options.answers))
    entry = load_registry(REGISTRY).get(path.model)
    if entry is None:
        raise YardstickError(f"{REGISTRY}: has no model {path.model!r}; put it back or leave its answers unscored")
    definition = score_definition(answers.path.definition, entry, suite)
    if path.definition != document_hash(definition):
        raise YardstickError("the suite or the scorer changed since this run began; run the same command again")
    rows = score_rows(answers.rows, suite, is_chat=entry.chat_template)
    identity = {"definition": definition, "environment": answers.identity["environment"]}
    write_shard(RESULTS, path, rows, identity, answers.run)
    console.say(f"{sum(row['solved'] for row in rows)} of {len(rows)} solved")


def score_rows(answers: Iterable[Mapping[str, Any]], suite: Suite, *, is_chat: bool) -> list[dict[str, Any]]:
    """Return one row of scores per answer, in the answers' order."""
    tasks = {task.id: task for task in suite.tasks}
    rows = []
    for answer in answers:
        task = tasks[answer["task"]]
        found = match(answer["answer"], accept=task.accept, reject=task.reject, is_chat=is_chat)
        rows.append(
            {
                "task": task.id,
                "category": task.category,
                "solved": found.solved,
                "accepted": list(found.accepted),
                "rejected": list(found.rejected),
                "considered": found.considered,
            }
        )
    return rows


def _parsed(file: Path) -> ShardPath | None:
    return parse_shard_path(Path(os.path.relpath(file, RESULTS)).as_posix())


def _shard(file: Path) -> ShardPath:
    path = _parsed(file)
    if path is None:
        raise YardstickError(f"{file}: not the path of a shard; give a file below {RESULTS}/")
    return path
