"""Scores of answers that are there: no model runs, so mending a keyword costs a second."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from yardstick.console import Console, run_job
from yardstick.errors import YardstickError
from yardstick.identity import asked_of, document_hash, score_definition
from yardstick.paths import REGISTRY, RESULTS, SUITES
from yardstick.registry import load_registry
from yardstick.shard_paths import ShardPath, parse_shard_path
from yardstick.shards import read_shard, write_shard
from yardstick.suite_checks import suite_refusal
from yardstick.suites.base import BaseSuite
from yardstick.suites.items import Asked
from yardstick.suites.load import load_suites


def main(description: str, arguments: Sequence[str] | None = None) -> int:
    """Score one shard of answers as a program and return its exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--answers", type=Path, required=True, help="shard of answers, below results/")
    parser.add_argument("--output", type=Path, required=True, help="path of the shard to write, below results/")
    parser.add_argument("--log", type=Path, help="file for everything but progress")
    options = parser.parse_args(arguments)
    path = _parsed(options.output)
    title = f"{path.metric} {path.model}" if path else "scores"
    return run_job(title, options.log, lambda console: score(options, console))


def score(options: argparse.Namespace, console: Console) -> None:
    """Read answers, score them, write the scores' shard.

    Raises:
        YardstickError: the answers cannot be read, or the inputs changed since the path was computed.
    """
    path, suites = _shard(options.output), load_suites(SUITES)
    if path.metric not in suites:
        raise YardstickError(f"--output {options.output}: not the path of a shard of scores")
    suite = suites[path.metric]
    if reason := suite_refusal(suite):
        raise YardstickError(f"suite {suite.name}: {reason}")
    answers = read_shard(RESULTS, _shard(options.answers))
    entry = load_registry(REGISTRY).get(path.model)
    if entry is None:
        raise YardstickError(f"{REGISTRY}: has no model {path.model!r}; put it back or leave its answers unscored")
    definition = score_definition(answers.path.definition, entry, suite)
    if path.definition != document_hash(definition):
        raise YardstickError("the suite or the scorer changed since this run began; run the same command again")
    asked = asked_of(entry, str(answers.identity["environment"].get("epoch", "")))
    rows = score_rows(answers.rows, suite, asked)
    identity = {"definition": definition, "environment": answers.identity["environment"]}
    write_shard(RESULTS, path, rows, identity, answers.run)
    first = [row for row in rows if row["sample"] is None]
    console.say(f"{sum(row['solved'] for row in first)} of {len(first)} solved")


def score_rows(answers: Iterable[Mapping[str, Any]], suite: BaseSuite, asked: Asked) -> list[dict[str, Any]]:
    """Return one row of scores per answer, in the answers' order.

    Args:
        answers: rows of the answers' shard.
        suite: the suite that was asked.
        asked: who was asked.

    Raises:
        KeyError: an answer is to a task that the suite has not.
    """
    items = {item.id: item for item in suite.items(asked)}
    score_answer = importlib.import_module(suite.scorer).score
    rows = []
    for answer in answers:
        item = items[answer["task"]]
        found = score_answer(item, answer, is_chat=asked.is_chat)
        rows.append(
            {
                "task": item.id,
                "sample": answer.get("sample"),
                "category": item.category,
                "solved": found.solved,
                "accepted": list(found.accepted),
                "rejected": list(found.rejected),
                "considered": found.considered,
                "detail": found.detail,
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
