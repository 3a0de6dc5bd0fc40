"""Bring one file of a hub repository to disk, going on where an earlier try or an earlier run stopped.

huggingface_hub itself starts a file anew in every process (its issue 4196); large weights need better. Addresses,
tokens, HTTP client and errors are huggingface_hub's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import constants, get_session, hf_hub_url, hf_raise_for_status
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from yardstick.errors import YardstickError
from yardstick.hub.faults import patiently
from yardstick.hub.progress import Meter

_BLOCK = 1 << 20


@dataclass(frozen=True)
class RemoteFile:
    """A file as the hub states it.

    Attributes:
        name: path in the repository, with forward slashes.
        size: bytes.
        digest: what its blob in the cache is called: the SHA-256 (64 hex digits) of a large file, the git blob SHA-1
            (40) of a small one, or empty where it is not known.
    """

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Origin:
    """A repository at one commit."""

    repo: str
    revision: str


def download(origin: Origin, file: RemoteFile, partial: Path, *, meter: Meter, say: Callable[[str], None]) -> None:
    """Bring ``partial`` to the file's full size, keeping the bytes that it holds.

    Raises:
        YardstickError: the server's size is not the stated one; ``partial`` is deleted.
        huggingface_hub and httpx2 errors: a fault that outlasted the tries; ``partial`` is kept.
    """
    while not partial.exists() or _size(partial) < file.size:
        patiently(
            lambda: _receive(origin, file, partial, meter),
            say=lambda line: say(f"{file.name}: {line}"),
            received=lambda: _size(partial),
        )


def fault_of(path: Path, file: RemoteFile) -> tuple[str, str]:
    """Return the SHA-256 of a file on disk, and what is wrong with it (empty: size and checksum are right)."""
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            sha256.update(block)
            if len(file.digest) == 40:
                git.update(block)
    if path.stat().st_size != file.size:
        return sha256.hexdigest(), f"has {path.stat().st_size} bytes in place of {file.size}"
    found = git if len(file.digest) == 40 else sha256
    fault = "has a wrong checksum" if file.digest and found.hexdigest() != file.digest else ""
    return sha256.hexdigest(), fault


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _receive(origin: Origin, file: RemoteFile, partial: Path, meter: Meter) -> None:
    """Append what one request brings to ``partial``."""
    have = _size(partial)
    url = hf_hub_url(origin.repo, file.name, revision=origin.revision)
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    timeout_s = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=headers, timeout=timeout_s) as response:
        hf_raise_for_status(response)
        if have and response.status_code != httpx2.codes.PARTIAL_CONTENT:
            meter.advance(-have)
            partial.unlink()
            have = 0
        _check_size(response, have, file, partial)
        _append(response, file, partial, meter)
    if _size(partial) < file.size:
        raise httpx2.RemoteProtocolError("the answer ended early")


def _check_size(response: httpx2.Response, have: int, file: RemoteFile, partial: Path) -> None:
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and have + int(length) != file.size and "Content-Encoding" not in response.headers:
        partial.unlink(missing_ok=True)
        raise _wrong_size(file, have + int(length))


def _append(response: httpx2.Response, file: RemoteFile, partial: Path, meter: Meter) -> None:
    with partial.open("ab") as out:
        for block in response.iter_bytes():
            if out.tell() + len(block) > file.size:
                partial.unlink()
                raise _wrong_size(file, out.tell() + len(block))
            out.write(block)
            meter.advance(len(block))
        out.flush()
        os.fsync(out.fileno())


def _wrong_size(file: RemoteFile, size: int) -> YardstickError:
    return YardstickError(
        f"{file.name} comes with {size} bytes, the hub states {file.size}; deleted, run the same command again"
    )
