"""What an engine is told of a model, from the registry, the settings and what lies on this machine."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from yardstick.backends.base import Engine, ModelSpec, ServerSpec
from yardstick.catalog import BACKENDS
from yardstick.config import Config
from yardstick.engine_facts import program_of, server_url
from yardstick.errors import YardstickError
from yardstick.hub.cache import cached_snapshot
from yardstick.identity import model_path
from yardstick.machine import default_device
from yardstick.paths import FETCHED
from yardstick.registry import HubSource, ModelEntry, OllamaSource, ServedSource


def make_engine(
    entry: ModelEntry, config: Config, threads: int, *, log: Path | None, waiting: Callable[[str], None]
) -> Engine:
    """Return the engine of a model, nothing loaded.

    Args:
        entry: the model.
        config: the settings.
        threads: threads to compute with.
        log: the job's log; a server that is started logs beside it.
        waiting: told what a server is waited for.

    Raises:
        YardstickError: the model's files are not on this machine.
    """
    backend = BACKENDS[entry.backend]
    spec = ModelSpec(
        name=entry.id,
        path=_path(entry),
        dtype=entry.dtype,
        device=default_device() if entry.device == "auto" else entry.device,
        context_length=entry.context_length,
        threads=threads,
        allow_remote_code=entry.allow_remote_code,
        allow_pickle=entry.allow_pickle,
        server=_server(entry, config, log, waiting),
    )
    engine: Engine = getattr(importlib.import_module(backend.module), backend.engine)(spec)
    return engine


def _server(entry: ModelEntry, config: Config, log: Path | None, waiting: Callable[[str], None]) -> ServerSpec:
    source = entry.source
    program = program_of(entry.backend, config) if BACKENDS[entry.backend].program else None
    model = source.served if isinstance(source, ServedSource) else None
    return ServerSpec(
        url=server_url(entry, config),
        model=source.ollama if isinstance(source, OllamaSource) else model,
        digest=source.digest if isinstance(source, OllamaSource) else None,
        command=program.command if program else "",
        arguments=tuple(entry.server.arguments),
        start_limit_s=program.start_limit_s if program else 0.0,
        log=log.with_suffix(".server.log") if log else None,
        waiting=waiting,
    )


def _path(entry: ModelEntry) -> Path | None:
    source = entry.source
    if isinstance(source, OllamaSource | ServedSource) or entry.server.url:
        return None
    if not isinstance(source, HubSource):
        return model_path(source, Path())
    found = cached_snapshot(source.hub, source.revision, source.file)
    if found is None:
        raise YardstickError(
            f"{entry.id}: {source.hub} at {source.revision[:12]} is not in the hub cache; "
            f"fetch it with: python scripts/fetch_model.py --model {entry.id} "
            f"--output {FETCHED}/{entry.id}.json"
        )
    return found / source.file if source.file else found
