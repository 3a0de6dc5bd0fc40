"""Which selected models this machine cannot run, found out before anything is started."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from yardstick.config import Config
from yardstick.engine_checks import engine_refusal, is_elsewhere
from yardstick.hub.cache import cached_snapshot
from yardstick.machine import has_device, usable_memory_bytes
from yardstick.plan import Plan
from yardstick.registry import HubSource, ModelEntry

_CONNECT_TIMEOUT_S = 3.0
_HUB = "https://huggingface.co"


def refusals(
    entries: Iterable[ModelEntry], config: Config, *, is_remote: bool = False, plan: Plan | None = None
) -> dict[str, str]:
    """Return model id -> why this machine cannot run it, with the remedy, for those that it cannot.

    Args:
        entries: the models.
        config: the settings.
        is_remote: whether other machines measure, so that memory and devices here say nothing.
        plan: what memory is predicted from; without it the registry's word is taken.
    """
    found: dict[str, str] = {}
    for entry in entries:
        if reason := _refusal(entry, config, is_remote, plan):
            found[entry.id] = reason
    return found


def _refusal(entry: ModelEntry, config: Config, is_remote: bool, plan: Plan | None) -> str | None:
    """Return the first reason, the quick checks before those that use the network."""
    if is_remote:
        if entry.device == "auto":
            return "device: auto cannot be told before a job runs on its node; set device: cuda or device: cpu"
    elif not is_elsewhere(entry, config) and (reason := _memory_refusal(entry, plan) or _device_refusal(entry)):
        return reason
    return engine_refusal(entry, config) or _hub_refusal(entry)


def _memory_refusal(entry: ModelEntry, plan: Plan | None) -> str | None:
    """Return why a model does not fit: the registry says so, or what is predicted from its shape."""
    available = usable_memory_bytes()
    available_mb = available // 1_000_000
    if entry.memory_mb <= available_mb:
        # Late: most runs have nothing to measure.
        from yardstick.hardware.memory_need import predicted_refusal

        return predicted_refusal(entry, plan, available) if plan else None
    return f"needs {entry.memory_mb} MB of memory, this machine has {available_mb} MB; use a larger machine"


def _device_refusal(entry: ModelEntry) -> str | None:
    if entry.device == "auto" or has_device(entry.device):
        return None
    return f"needs device {entry.device}, which this machine has not; set device: cpu or use another machine"


def _hub_refusal(entry: ModelEntry) -> str | None:
    source = entry.source
    if (
        not isinstance(source, HubSource)
        or cached_snapshot(source.hub, source.revision, source.file)
        or entry.server.url
    ):
        return None
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return f"{source.hub} is not in the hub cache and HF_HUB_OFFLINE switches the hub off; unset it and run again"
    if problem := _connection_problem(os.environ.get("HF_ENDPOINT") or _HUB):
        return f"{source.hub} is not in the hub cache and the hub cannot be reached ({problem}); connect and run again"
    # Imported late: the hub's client takes half a second, and few runs need to fetch anything.
    from yardstick.hub.access import access_problem

    problem = access_problem(source.hub, source.revision, source.file)
    return problem and f"{source.hub}: {problem}"


def _proxy(endpoint: str) -> str | None:
    """Return the proxy that leads to an address, or None."""
    address = urlsplit(endpoint)
    proxy = getproxies().get(address.scheme)
    return None if proxy_bypass(address.hostname or "") else proxy


@cache
def _connection_problem(endpoint: str) -> str | None:
    """Return why no connection to the hub can be had, or None; asked once per run."""
    try:
        address = urlsplit(_proxy(endpoint) or endpoint)
        port = address.port or (443 if address.scheme == "https" else 80)
        with socket.create_connection((address.hostname or "", port), timeout=_CONNECT_TIMEOUT_S):
            return None
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except ValueError as error:
        return f"{endpoint} is no address: {error}"
