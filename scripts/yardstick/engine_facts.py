"""What is known of an engine outside this Python environment: its program's packages, its server's version.

Nothing is started here. A server that runs is asked; one that does not answer is unknown, and the preflight says so.
"""

from __future__ import annotations

import importlib.metadata
import shutil
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from yardstick.catalog import BACKENDS
from yardstick.config import Config, ManagedSettings
from yardstick.registry import ModelEntry, OllamaSource

_TIMEOUT_S = 3.0


def program_of(backend: str, config: Config) -> ManagedSettings:
    """Return the settings of the program that runs a backend's server."""
    settings: ManagedSettings = getattr(config.engines, backend)
    return settings


def server_url(entry: ModelEntry, config: Config) -> str | None:
    """Return the address of the running server that holds a model, None where Yardstick starts one or there is none."""
    return config.engines.ollama.url if isinstance(entry.source, OllamaSource) else entry.server.url


@cache
def program_packages(command: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of distributions in the environment that a program belongs to, those that are there.

    The environment is found from the program's path: ``<environment>/bin/<program>``.
    """
    program = shutil.which(command)
    if program is None:
        return {}
    folders = [str(path) for path in Path(program).parent.parent.glob("lib/python*/site-packages")]
    found: dict[str, str] = {}
    for name in names:
        for distribution in importlib.metadata.distributions(name=name, path=folders):
            found[name] = distribution.version
    return found


@cache
def server_facts(backend: str, url: str, model: str | None) -> dict[str, str]:
    """Return what a running server says of its version, and Ollama of a model's digest; empty when it does not answer."""
    if backend == "ollama":
        version = _asked(url, "/api/version").get("version")
        found = {"ollama": str(version)} if version else {}
        digest = ollama_digests(url).get(model or "")
        return found | ({"digest": digest} if digest else {})
    if build := _asked(url, "/props").get("build_info"):
        return {"llama-server": str(build)}
    version = _asked(url, "/version").get("version")
    return {"server": str(version)} if version else {}


@cache
def ollama_digests(url: str) -> dict[str, str]:
    """Return the models of an Ollama server, name -> digest."""
    models = _asked(url, "/api/tags").get("models") or []
    return {str(model.get("name")): str(model.get("digest") or "").removeprefix("sha256:") for model in models}


@cache
def is_answering(url: str, path: str) -> bool:
    """Tell whether a server answers a path at all."""
    return _answer(url, path) is not None


def environment_facts(entry: ModelEntry, config: Config) -> dict[str, Any]:
    """Return the part of the environment document that lies outside this Python environment."""
    backend = BACKENDS[entry.backend]
    url = server_url(entry, config)
    if url:
        source = entry.source
        # A digest that the registry names is part of the definition, and checked before anything is measured.
        model = source.ollama if isinstance(source, OllamaSource) and not source.digest else None
        return {"packages": {}, "server": server_facts(entry.backend, url, model)}
    if backend.program:
        return {"packages": program_packages(program_of(entry.backend, config).command, backend.packages)}
    return {}


def _asked(url: str, path: str) -> dict[str, Any]:
    answer = _answer(url, path)
    try:
        found = answer.json() if answer is not None and answer.is_success else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _answer(url: str, path: str) -> Any:
    # Imported late: only a model in a server needs it.
    import httpx

    try:
        return httpx.get(url + quote(path), timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError:
        return None
