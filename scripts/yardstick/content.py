"""The content hash of a model's folder or file, remembered so that large local models are read once."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.files import write_atomically

# Cards and training records describe a model and do not change what it computes.
_DESCRIPTIVE = {"README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "training.json", ".gitattributes"}
_REMEMBERED = Path("resources/content-hashes.json")


def content_hash(model: Path, root: Path) -> str:
    """Return 64 hex digits of the names and bytes of a folder's files, descriptions left out, or of one file.

    A file's hash is remembered by path, size and times of change under `resources/`; without that file all is read.

    Raises:
        YardstickError: the folder is missing or holds no file.
    """
    files = [model] if model.is_file() else _model_files(model, root)
    folder = model.parent if model.is_file() else model
    remembered = _recall(root)
    digest = hashlib.sha256()
    learned: dict[str, str] = {}
    for path in files:
        status = path.stat()
        key = f"{path.relative_to(root).as_posix()} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        learned[key] = remembered.get(key) or _file_hash(path)
        digest.update(f"{path.relative_to(folder).as_posix()}\0{learned[key]}\n".encode())
    if not learned.keys() <= remembered.keys():
        _remember(root, {**remembered, **learned})
    return digest.hexdigest()


def _model_files(folder: Path, root: Path) -> list[Path]:
    if not folder.is_dir():
        shown = folder.relative_to(root)
        raise YardstickError(f"{shown}: no such model folder; correct source in config/models.yaml or restore it")
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name not in _DESCRIPTIVE and path.name[0] != "."
    )
    if not files:
        raise YardstickError(f"{folder.relative_to(root)}: holds no model files; put config.json and weights there")
    return files


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recall(root: Path) -> dict[str, str]:
    try:
        content = json.loads((root / _REMEMBERED).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _remember(root: Path, hashes: dict[str, str]) -> None:
    """Store the hashes where that is possible; a read-only or full disk costs only time."""
    if not os.access(root, os.W_OK):
        return
    try:
        write_atomically(root / _REMEMBERED, json.dumps(hashes, indent=1).encode())
    except YardstickError:
        return
