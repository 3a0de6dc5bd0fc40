"""Whether a model's engine is here and ready: the part of the preflight that depends on the backend."""

from __future__ import annotations

import importlib.util
import shutil
from ipaddress import ip_address
from urllib.parse import urlsplit

from yardstick.config import Config
from yardstick.engine_facts import is_answering, ollama_digests, program_of, server_url
from yardstick.registry import ModelEntry, OllamaSource

# Backend in this process -> its library, and how it is had.
_LIBRARIES = {"llama_cpp": ("llama_cpp", "pip install -r envs/requirements-llama-cpp.txt")}


def engine_refusal(entry: ModelEntry, config: Config) -> str | None:
    """Return why a model's engine cannot run it here, with the remedy, or None."""
    if entry.backend in _LIBRARIES:
        library, remedy = _LIBRARIES[entry.backend]
        if importlib.util.find_spec(library) is None:
            return f"backend {entry.backend} needs a library that is not installed; run: .venv/bin/{remedy} (docs/backends.md)"
        return None
    if isinstance(entry.source, OllamaSource):
        return _ollama_refusal(entry.source, config)
    if url := entry.server.url:
        return (
            None if is_answering(url, "/v1/models") else f"no server answers at {url}; start it, or correct server.url"
        )
    if entry.backend in ("vllm", "trtllm"):
        command = program_of(entry.backend, config).command
        if shutil.which(command) is None:
            return f"{command} is not installed; install it (docs/backends.md), or set engines.{entry.backend}.command"
    return None


def has_ollama_model(source: OllamaSource, config: Config) -> bool:
    """Tell whether the Ollama server has a model, with the digest that the registry names."""
    digest = ollama_digests(config.engines.ollama.url).get(source.ollama)
    return digest is not None and digest.startswith(source.digest or "")


def is_elsewhere(entry: ModelEntry, config: Config) -> bool:
    """Tell whether a model is held by a server on another machine, whose memory and devices are its own affair."""
    url = server_url(entry, config)
    host = urlsplit(url or "").hostname
    if not host or host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def _ollama_refusal(source: OllamaSource, config: Config) -> str | None:
    settings = config.engines.ollama
    if not is_answering(settings.url, "/api/version"):
        return f"no Ollama server answers at {settings.url}; start it with: ollama serve"
    if has_ollama_model(source, config):
        return None
    digest = ollama_digests(settings.url).get(source.ollama)
    if digest is not None:
        return (
            f"the Ollama server's {source.ollama} has digest {digest[:12]}, the registry names {source.digest}; "
            f"run: ollama pull {source.ollama}, or correct the registry"
        )
    if settings.pull and source.digest:
        return None
    return f"the Ollama server has no {source.ollama}; run: ollama pull {source.ollama}"
