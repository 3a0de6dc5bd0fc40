"""One measurement from arguments to shard: what every `measure_*` and `answer_*` script runs."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from yardstick.backends.base import Engine
from yardstick.catalog import METRICS
from yardstick.config import Config, load_config
from yardstick.console import Console, run_job
from yardstick.errors import YardstickError
from yardstick.guards import guard_rails
from yardstick.identity import Identity, asked_of, measurement_identity
from yardstick.journal import AnswerJournal
from yardstick.locks import machine_lock
from yardstick.machine import machine_facts
from yardstick.machine_label import check_hardware
from yardstick.metrics import answers
from yardstick.metrics.answers import Question
from yardstick.metrics.observations import Observations
from yardstick.model_spec import make_engine
from yardstick.paths import CONFIG, HARDWARE, REGISTRY, RESULTS, SUITES
from yardstick.registry import ModelEntry, load_registry
from yardstick.shard_paths import ShardPath, parse_shard_path
from yardstick.shards import write_shard
from yardstick.stopping import ScoreStopping
from yardstick.suites.base import BaseSuite
from yardstick.suites.load import load_suites

Observe = Callable[[Engine, Callable[[int, int], None]], Observations]


def main(job: str, description: str, arguments: Sequence[str] | None = None) -> int:
    """Run one measurement as a program and return its exit status.

    Args:
        job: a metric, or ``answers`` for those of the suite that the output's path names.
        description: what the program's help says.
        arguments: the command line, by default that of this process.
    """
    options = _parse_arguments(description, arguments)
    metric = _metric_of(options.output) if job == "answers" else job
    return run_job(f"{metric} {options.model}", options.log, lambda console: measure(metric, options, console))


def _parse_arguments(description: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", required=True, help="id of the model in config/models.yaml")
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with")
    parser.add_argument("--output", type=Path, required=True, help="path of the shard to write, below results/")
    parser.add_argument("--log", type=Path, help="file for everything but progress")
    return parser.parse_args(arguments)


def _metric_of(output: Path) -> str:
    path = parse_shard_path(Path(os.path.relpath(output, RESULTS)).as_posix())
    return path.metric if path and METRICS.get(path.metric) else "answers"


def measure(metric: str, options: argparse.Namespace, console: Console) -> None:
    """Measure and write the shard.

    Raises:
        YardstickError: the inputs changed since the path was computed, the model cannot be run, the disk is full.
    """
    _isolate()
    if metric not in METRICS:
        raise YardstickError(f"--output {options.output}: not the path of a shard of answers")
    config, suites = load_config(options.config), load_suites(SUITES)
    entry = _entry(options.model)
    identity = measurement_identity(metric, entry, config, suites=suites, threads=options.threads, root=Path())
    path = _checked_path(options.output, metric, entry, identity)
    if "SLURM_JOB_ID" in os.environ and config.machine != "auto":
        check_hardware(path.machine, config.cluster.hardware, HARDWARE, RESULTS)
    engine = make_engine(entry, config, options.threads, log=options.log, waiting=console.say)
    journal = AnswerJournal(path)
    suite = METRICS[metric].suite
    observe = _answering(suites[suite], entry, config, journal) if suite else _timing(metric, config)
    try:
        engine.prepare()
        with machine_lock(
            is_exclusive=METRICS[metric].is_machine_bound,
            waiting=lambda: console.say("waits: this machine is measuring"),
        ):
            console.say("begins")
            with guard_rails() as guards:
                observed = observe(engine, console.progress)
            versions = engine.versions()
    finally:
        engine.close()
    run = _run_document(options.threads, guards) | {"engine": versions, "sampling": observed.sampling}
    write_shard(RESULTS, path, observed.rows, identity.as_document(), run)
    journal.forget()
    console.say(f"done, {guards['wall_s']:.1f} s")


def _isolate() -> None:
    """Switch the hub off: only fetching uses the network."""
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")


def _entry(model: str) -> ModelEntry:
    registry = load_registry(REGISTRY)
    if model not in registry:
        raise YardstickError(f"{REGISTRY}: has no model {model!r}; choose from: {', '.join(registry)}")
    return registry[model]


def _checked_path(output: Path, metric: str, entry: ModelEntry, identity: Identity) -> ShardPath:
    """Return the parts of the output path if they are still those of the current inputs."""
    path = parse_shard_path(Path(os.path.relpath(output, RESULTS)).as_posix())
    if path is None or (path.metric, path.model) != (metric, entry.id):
        raise YardstickError(f"--output {output}: not the path of a {metric} shard of {entry.id}")
    if (path.definition, path.environment) != (identity.definition_hash, identity.environment_hash):
        raise YardstickError("settings, code or packages changed since this run began; run the same command again")
    return path


def _timing(metric: str, config: Config) -> Observe:
    """Return what observes a metric of speed or memory."""
    module = importlib.import_module(METRICS[metric].module)
    settings: Mapping[str, Any] = getattr(config.protocol, METRICS[metric].protocol).model_dump()
    prompts = list(config.protocol.prompts)
    return lambda engine, progress: module.observe(engine, prompts=prompts, **settings, progress=progress)


def _answering(suite: BaseSuite, entry: ModelEntry, config: Config, journal: AnswerJournal) -> Observe:
    """Return what has the items of a suite answered."""
    asked, settings = asked_of(entry, config.epoch), config.protocol.answering
    items = suite.items(asked)
    stopping = None
    if settings.half_width is not None:
        stopping = ScoreStopping(suite, asked, items, half_width=settings.half_width, least=settings.least_tasks)
    return lambda engine, progress: answers.observe(
        engine,
        questions=[Question(item.id, item.question, item.choices, item.stop, item.contexts) for item in items],
        prompt=suite.prompt(asked),
        is_chat=entry.chat_template,
        max_new_tokens=suite.max_new_tokens,
        batch_size=None if settings.batch_size == "auto" else settings.batch_size,
        progress=progress,
        sampled=suite.sampled,
        temperature=suite.temperature,
        journal=journal,
        stopping=stopping,
    )


def _run_document(threads: int, guards: dict[str, Any]) -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "threads": threads,
        "machine": machine_facts(),
        "guards": guards,
    }
