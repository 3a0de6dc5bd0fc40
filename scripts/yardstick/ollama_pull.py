"""Have an Ollama server fetch a model, with progress, and check that it is the one that the registry names."""

from __future__ import annotations

import json
from typing import Any

from yardstick.backends.http_client import HttpClient, said
from yardstick.errors import YardstickError
from yardstick.hub.progress import Console, Meter
from yardstick.registry import ModelEntry, OllamaSource

# The server hashes gigabytes between two lines.
_SILENCE_LIMIT_S = 1800.0


def pull(entry: ModelEntry, source: OllamaSource, url: str, console: Console) -> dict[str, Any]:
    """Pull a model unless the server has it, and return a record of what it has.

    An interrupted pull goes on where it stopped: the server keeps what it has.

    Raises:
        YardstickError: the server cannot be reached or cannot fetch the model, or the tag has moved to another digest.
    """
    client = HttpClient(entry.id, url, request_limit_s=_SILENCE_LIMIT_S)
    try:
        digest = _digest(client, source.ollama)
        if digest is None or not digest.startswith(source.digest or ""):
            _pull(client, entry.id, source.ollama, console)
            digest = _digest(client, source.ollama)
    finally:
        client.close()
    if digest is None or not digest.startswith(source.digest or ""):
        raise YardstickError(
            f"{entry.id}: {source.ollama} is now {(digest or 'nowhere')[:12]}, the registry names {source.digest}; "
            "look at what changed, then correct the registry"
        )
    return {"model": entry.id, "ollama": source.ollama, "digest": digest}


def _pull(client: HttpClient, name: str, model: str, console: Console) -> None:
    meters: dict[str, tuple[Meter, int]] = {}
    last = ""
    with client.lines("/api/pull", {"model": model, "stream": True}) as lines:
        for line in lines:
            record = _record(name, line)
            last = str(record.get("status") or "")
            if "total" in record:
                _show(meters, record, console)
            elif last:
                console.say(f"{name}: {last}")
    if last != "success":
        raise YardstickError(f"{name}: the server broke off the pull; the same command goes on where it stopped")


def _show(meters: dict[str, tuple[Meter, int]], record: dict[str, Any], console: Console) -> None:
    """Advance the meter of a layer to what is complete of it."""
    layer, complete = str(record.get("digest")), int(record.get("completed") or 0)
    if layer not in meters:
        label = layer.removeprefix("sha256:")[:12]
        meters[layer] = Meter(console, label, total=int(record["total"]), done=complete), complete
        return
    meter, before = meters[layer]
    meter.advance(complete - before)
    meters[layer] = meter, complete


def _record(name: str, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = {"error": line}
    if not isinstance(record, dict) or "error" in record:
        raise YardstickError(f"{name}: the server cannot pull: {said(line)}")
    return record


def _digest(client: HttpClient, model: str) -> str | None:
    for found in client.get_json("/api/tags").get("models") or []:
        if found.get("name") == model:
            return str(found.get("digest") or "").removeprefix("sha256:")
    return None
