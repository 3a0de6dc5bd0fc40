"""Measure a result a second time, by the program that measured it, under an epoch of its own: nothing is overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from yardstick import forkserver
from yardstick.catalog import answers_metric, is_scores
from yardstick.config import Config, parse_config
from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.identity import differences, document_hash
from yardstick.paths import LOGS, RESULTS, RUNS
from yardstick.plan import Plan
from yardstick.registry import ModelEntry
from yardstick.regressions.points import Point, confirmation_epoch
from yardstick.shard_paths import ShardPath

_SCRIPTS = {
    "latency": "measure_latency",
    "throughput": "measure_throughput",
    "memory": "measure_memory",
    "answers": "answer_suite",
    "scores": "score_suite",
}


@contextmanager
def fork_server() -> Iterator[None]:
    """Let measurements fork from one process that has imported the libraries, as those of a run do."""
    server = None
    if forkserver.is_available() and forkserver.VARIABLE not in os.environ:
        server = forkserver.ForkServer()
    try:
        yield
    finally:
        if server is not None:
            server.stop()


def measure_again(plan: Plan, entry: ModelEntry, point: Point) -> ShardPath:
    """Measure what a point measured, as it is asked for now; return the new shard. One that exists is kept.

    Raises:
        YardstickError: something changed since the point was measured, or the measurement failed.
    """
    metric = point.path.metric
    runs_model = answers_metric(metric) if is_scores(metric) else metric
    second = _second_plan(plan, point)
    path = second.path(runs_model, entry)
    _check_environment(second, runs_model, entry, point)
    if not path.below(RESULTS).exists():
        config = _config_file(second.inputs.config)
        arguments = ["--model", entry.id, "--config", str(config), "--threads", str(plan.inputs.threads)]
        _run(runs_model, path, arguments)
    if not is_scores(metric):
        return path
    score = second.score_of(path, entry)
    if not score.below(RESULTS).exists():
        _run(metric, score, ["--answers", str(path.below(RESULTS))])
    return score


def _second_plan(plan: Plan, point: Point) -> Plan:
    epoch = confirmation_epoch(str(point.environment.get("epoch", "")))
    document = plan.inputs.config.model_dump(mode="json") | {"epoch": epoch}
    config = parse_config(document, file="the epoch of a second measurement")
    return Plan(replace(plan.inputs, config=config))


def _check_environment(second: Plan, metric: str, entry: ModelEntry, point: Point) -> None:
    wanted = second.identity(metric, entry).environment
    changes = list(differences({**point.environment, "epoch": ""}, {**wanted, "epoch": ""}))
    if changes:
        raise YardstickError(
            f"{', '.join(changes[:3])} since it was measured; "
            f"measure again first: snakemake --cores {second.inputs.threads} {entry.tier}"
        )


def _config_file(config: Config) -> Path:
    document = config.model_dump(mode="json")
    path = RUNS / f"config-{document_hash(document)}.json"
    write_atomically(path, json.dumps(document, indent=1).encode())
    return path


def _run(metric: str, path: ShardPath, arguments: list[str]) -> None:
    """Run a script as its rule does; it says on the terminal how far it is."""
    log = LOGS / metric / path.model / path.machine / f"{path.definition}-{path.environment}.log"
    kind = metric if metric in _SCRIPTS else "scores" if is_scores(metric) else "answers"
    command = [sys.executable, f"scripts/{_SCRIPTS[kind]}.py", *arguments]
    done = subprocess.run([*command, "--output", str(path.below(RESULTS)), "--log", str(log)], check=False)
    if done.returncode:
        raise YardstickError(f"the second measurement failed; its log is {log}")
