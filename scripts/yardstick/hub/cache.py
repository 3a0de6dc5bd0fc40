"""The hub's cache on this machine, found without importing huggingface_hub, which the Snakefile cannot afford."""

from __future__ import annotations

import os
from pathlib import Path

from yardstick.hub.selection import is_loadable


def hub_cache() -> Path:
    """Return the cache folder as huggingface_hub resolves it: HF_HUB_CACHE, then HF_HOME, then its default."""
    environment = os.environ
    caches = environment.get("XDG_CACHE_HOME", str(Path("~/.cache").expanduser()))
    home = _expanded(environment.get("HF_HOME", f"{caches}/huggingface"))
    legacy = environment.get("HUGGINGFACE_HUB_CACHE", os.path.join(home, "hub"))  # noqa: PTH118 - "" must stay relative
    return Path(_expanded(environment.get("HF_HUB_CACHE", legacy)))


def repository_folder(repo: str) -> Path:
    """Return the folder of the cache that holds a model repository's blobs and snapshots."""
    return hub_cache() / f"models--{repo.replace('/', '--')}"


def cached_snapshot(repo: str, revision: str, file: str | None = None) -> Path | None:
    """Return the folder of a pinned snapshot if it can be loaded as it is, otherwise None.

    A snapshot that another tool left incomplete (no tokenizer, a part of the weights missing) counts as absent. Where
    one GGUF file is wanted, that file is enough.
    """
    folder = repository_folder(repo) / "snapshots" / revision
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names, not paths, for a thousand models
    except OSError:
        return None
    present = (name for name in names if os.path.exists(folder / name))  # noqa: PTH110 - dangling links are absent
    return folder if is_loadable(present, file) else None


def _expanded(path: str) -> str:
    return os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111 - the order that huggingface_hub uses
