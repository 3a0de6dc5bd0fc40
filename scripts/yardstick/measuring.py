"""One measurement from arguments to shard: what every `measure_*` and `answer_*` script runs."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from yardstick.backends.base import Engine, ModelSpec
from yardstick.catalog import ANSWERS, BACKENDS, METRICS
from yardstick.config import Config, load_config
from yardstick.console import Console, run_job
from yardstick.errors import YardstickError
from yardstick.guards import guard_rails
from yardstick.hub.cache import cached_snapshot
from yardstick.identity import Identity, measurement_identity, model_folder
from yardstick.locks import machine_lock
from yardstick.machine import machine_facts
from yardstick.paths import CONFIG, FETCHED, REGISTRY, RESULTS, SUITE
from yardstick.registry import HubSource, ModelEntry, OllamaSource, load_registry
from yardstick.shard_paths import ShardPath, parse_shard_path
from yardstick.shards import write_shard
from yardstick.suites.suite import Suite, load_suite


def main(metric: str, description: str, arguments: Sequence[str] | None = None) -> int:
    """Run one measurement as a program and return its exit status."""
    options = _parse_arguments(description, arguments)
    return run_job(f"{metric} {options.model}", options.log, lambda console: measure(metric, options, console))


def _parse_arguments(description: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", required=True, help="id of the model in config/models.yaml")
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings, YAML or JSON")
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with")
    parser.add_argument("--output", type=Path, required=True, help="path of the shard to write, below results/")
    parser.add_argument("--log", type=Path, help="file for everything but progress")
    return parser.parse_args(arguments)


def measure(metric: str, options: argparse.Namespace, console: Console) -> None:
    """Measure and write the shard.

    Raises:
        YardstickError: the inputs changed since the path was computed, the model cannot be run, the disk is full.
    """
    _isolate()
    config, suite = load_config(options.config), load_suite(SUITE)
    entry = _entry(options.model)
    identity = measurement_identity(metric, entry, config, suite=suite, threads=options.threads, root=Path())
    path = _checked_path(options.output, metric, entry, identity)
    engine = _engine(entry, options.threads)
    engine.prepare()
    is_exclusive = METRICS[metric].is_machine_bound
    with machine_lock(is_exclusive=is_exclusive, waiting=lambda: console.say("waits: this machine is measuring")):
        console.say("begins")
        try:
            with guard_rails() as guards:
                rows = _observe(metric, engine, entry, config, suite, console.progress)
        finally:
            engine.close()
    write_shard(RESULTS, path, rows, identity.as_document(), _run_document(options.threads, guards))
    console.say(f"done, {guards['wall_s']:.1f} s")


def _isolate() -> None:
    """Switch the hub off: only fetching uses the network."""
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")


def _entry(model: str) -> ModelEntry:
    registry = load_registry(REGISTRY)
    if model not in registry:
        raise YardstickError(f"{REGISTRY}: has no model {model!r}; choose from: {', '.join(registry)}")
    entry = registry[model]
    if entry.backend not in BACKENDS:
        raise YardstickError(f"{model}: backend {entry.backend} is not built yet; leave the model out")
    return entry


def _checked_path(output: Path, metric: str, entry: ModelEntry, identity: Identity) -> ShardPath:
    """Return the parts of the output path if they are still those of the current inputs."""
    path = parse_shard_path(Path(os.path.relpath(output, RESULTS)).as_posix())
    if path is None or (path.metric, path.model) != (metric, entry.id):
        raise YardstickError(f"--output {output}: not the path of a {metric} shard of {entry.id}")
    if (path.definition, path.environment) != (identity.definition_hash, identity.environment_hash):
        raise YardstickError("settings, code or packages changed since this run began; run the same command again")
    return path


def _engine(entry: ModelEntry, threads: int) -> Engine:
    backend = BACKENDS[entry.backend]
    spec = ModelSpec(
        name=entry.id,
        folder=_folder(entry),
        dtype=entry.dtype or "float32",
        device=entry.device,
        context_length=entry.context_length,
        threads=threads,
        allow_remote_code=entry.allow_remote_code,
        allow_pickle=entry.allow_pickle,
    )
    engine: Engine = getattr(importlib.import_module(backend.module), backend.engine)(spec)
    return engine


def _folder(entry: ModelEntry) -> Path:
    source = entry.source
    if isinstance(source, OllamaSource):
        raise YardstickError(f"{entry.id}: an Ollama source has no folder; give it backend: ollama")
    if not isinstance(source, HubSource):
        return model_folder(source, Path())
    folder = cached_snapshot(source.hub, source.revision)
    if folder is None:
        raise YardstickError(
            f"{entry.id}: {source.hub} at {source.revision[:12]} is not in the hub cache; "
            f"fetch it with: python scripts/fetch_model.py --model {entry.id} "
            f"--output {FETCHED}/{entry.id}.json"
        )
    return folder


def _observe(
    metric: str,
    engine: Engine,
    entry: ModelEntry,
    config: Config,
    suite: Suite,
    progress: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    module = importlib.import_module(METRICS[metric].module)
    settings: Mapping[str, Any] = getattr(config.protocol, METRICS[metric].protocol).model_dump()
    if metric == ANSWERS:
        asked: dict[str, Any] = {
            "questions": {task.id: task.question for task in suite.tasks},
            "prompt": "{question}" if entry.chat_template else suite.base_prompt,
            "is_chat": entry.chat_template,
            "max_new_tokens": suite.max_new_tokens,
        }
    else:
        asked = {"prompts": list(config.protocol.prompts)}
    rows: list[dict[str, Any]] = module.observe(engine, **asked, **settings, progress=progress)
    return rows


def _run_document(threads: int, guards: dict[str, Any]) -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "threads": threads,
        "machine": machine_facts(),
        "guards": guards,
    }
