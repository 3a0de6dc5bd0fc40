"""What makes a result stale: the definition and the environment of each shard, and their hashes.

The rules are in docs/identity.md. Everything here is known before anything is started.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from yardstick.catalog import BACKENDS, METRICS
from yardstick.config import Config
from yardstick.content import content_hash
from yardstick.engine_facts import environment_facts
from yardstick.machine import default_device
from yardstick.paths import EMBEDDED
from yardstick.registry import EmbeddedSource, LocalSource, ModelEntry
from yardstick.source_code import closure_hashes
from yardstick.suites.base import BaseSuite
from yardstick.suites.items import Asked

Document = dict[str, Any]
STOPPING_MODULE = "yardstick.stopping"


@dataclass(frozen=True)
class Identity:
    """All that a shard's content depends on.

    Attributes:
        definition: what is measured, as a JSON document.
        find_environment: finds out what it is measured in, which may mean asking a server; called once.
    """

    definition: Document
    find_environment: Callable[[], Document]

    @cached_property
    def environment(self) -> Document:
        """What it is measured in, as a JSON document."""
        return self.find_environment()

    @cached_property
    def definition_hash(self) -> str:
        """16 hex digits of the definition."""
        return document_hash(self.definition)

    @cached_property
    def environment_hash(self) -> str:
        """16 hex digits of the environment."""
        return document_hash(self.environment)

    def as_document(self) -> Document:
        """Return the identity as one JSON document, as shards store it."""
        return {"definition": self.definition, "environment": self.environment}


def document_hash(document: Document) -> str:
    """Return 16 hex digits of a JSON document, whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def measurement_identity(
    metric: str, entry: ModelEntry, config: Config, *, suites: Mapping[str, BaseSuite], threads: int, root: Path
) -> Identity:
    """Return the identity of one metric of one model.

    Args:
        metric: a metric that runs the model, for example ``latency`` or ``reasoning_answers``.
        entry: the model.
        config: the settings.
        suites: the suites; what is asked counts here and not what is expected, unless the score ends the answering.
        threads: threads that the measurement is given.
        root: the repository's root, which local and embedded models lie below.
    """
    definition: Document = {
        "metric": metric,
        "model": _model_document(entry, root),
        "protocol": _protocol_document(metric, config),
        "code": {
            **closure_hashes(METRICS[metric].module),
            **closure_hashes(BACKENDS[entry.backend].module),
        },
    }
    is_machine_bound, suite = METRICS[metric].is_machine_bound, METRICS[metric].suite
    if suite is None:
        definition["protocol"]["prompts"] = list(config.protocol.prompts)
    else:
        definition["model"]["chat_template"] = entry.chat_template
        _add_suite(definition, suites[suite], entry, config)
    return Identity(
        definition, lambda: environment_document(entry, config, threads=threads if is_machine_bound else None)
    )


def asked_of(entry: ModelEntry, epoch: str) -> Asked:
    """Return what a suite needs to know of a model and of the round of measurements."""
    return Asked(entry.chat_template, entry.context_length, entry.backend, epoch)


def score_definition(answers_definition: str, entry: ModelEntry, suite: BaseSuite) -> Document:
    """Return the definition of the scores of a model's answers; their environment is the answers' own.

    Args:
        answers_definition: the definition hash of the answers' shard.
        entry: the model.
        suite: the suite with what is expected.
    """
    return {
        "metric": suite.name,
        "answers": answers_definition,
        "is_chat": entry.chat_template,
        # The epoch can decide what is asked, and with it the hash of the answers, but not what counts under what.
        "expected": suite.expected_document(asked_of(entry, epoch="")),
        "code": closure_hashes(suite.scorer),
    }


def environment_document(entry: ModelEntry, config: Config, *, threads: int | None) -> Document:
    """Return what a model's results depend on beside their definition, as far as it is known without starting anything.

    Args:
        entry: the model.
        config: the settings.
        threads: threads to compute with, None where they do not matter.
    """
    document: Document = {
        "packages": {name: package_version(name) for name in BACKENDS[entry.backend].packages},
        "python": ".".join(platform.python_version_tuple()[:2]),
        "epoch": config.epoch,
    }
    document |= environment_facts(entry, config)
    if entry.device == "auto":
        document["device"] = default_device()
    return document | ({} if threads is None else {"threads": threads})


@cache
def package_version(name: str) -> str:
    """Return the installed version of a distribution, or ``not installed``."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield one text per field in which two documents differ, ``protocol.max_new_tokens 50 -> 64``."""
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key} {_shown(before)} -> {_shown(after)}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _model_document(entry: ModelEntry, root: Path) -> Document:
    return {
        "source": _source_document(entry, root),
        "backend": entry.backend,
        "dtype": entry.dtype,
        "quantization": entry.quantization,
        "device": entry.device,
        "context_length": entry.context_length,
        "allow_remote_code": entry.allow_remote_code,
        "allow_pickle": entry.allow_pickle,
        "server_arguments": entry.server.arguments,
    }


def _source_document(entry: ModelEntry, root: Path) -> Document:
    source = entry.source
    if isinstance(source, LocalSource | EmbeddedSource):
        return {"content": content_hash(model_path(source, root), root)}
    return source.model_dump(exclude_none=True)


def model_path(source: LocalSource | EmbeddedSource, root: Path) -> Path:
    """Return the folder, or the one file, of a model that lies in the repository."""
    if isinstance(source, EmbeddedSource):
        return root / EMBEDDED / source.embedded
    return root / source.path


def _protocol_document(metric: str, config: Config) -> Document:
    document: Document = getattr(config.protocol, METRICS[metric].protocol).model_dump()
    return document


def _add_suite(definition: Document, suite: BaseSuite, entry: ModelEntry, config: Config) -> None:
    """Add what is asked; and what is expected, where the score decides how much is asked."""
    asked = asked_of(entry, config.epoch)
    definition["suite"] = suite.answers_document(asked)
    if suite.packages:
        definition["suite"]["packages"] = {name: package_version(name) for name in suite.packages}
    if suite.generator:
        definition["code"] |= closure_hashes(suite.generator)
    if config.protocol.answering.half_width is None:
        del definition["protocol"]["half_width"], definition["protocol"]["least_tasks"]
    else:
        definition["stopping"] = {
            "expected": suite.expected_document(asked),
            "code": {**closure_hashes(suite.scorer), **closure_hashes(STOPPING_MODULE)},
        }
