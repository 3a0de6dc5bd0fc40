"""What a contribution adds, changes and deletes, and the content of its files: from commits or from a working tree."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from yardstick.errors import YardstickError
from yardstick.paths import RESULTS
from yardstick.publishing.git import read, read_texts

FILE_MODE, PROGRAM_MODE, LINK_MODE, ABSENT_MODE = "100644", "100755", "120000", "000000"


@dataclass(frozen=True)
class Change:
    """One path that differs.

    Attributes:
        path: relative to the repository's root, with ``/``.
        status: git's letter: A added, M modified, D deleted, T another kind of file.
        mode: git's mode of the new side, for example 100644.
        size: bytes of the new side, 0 where there is none.
        blob: git's id of the new content, empty in a working tree.
    """

    path: str
    status: str
    mode: str
    size: int
    blob: str = ""


class Changes(Protocol):
    """A set of changes whose content can be read."""

    found: list[Change]

    def content(self, change: Change) -> bytes:
        """Return the new content of a plain file."""


class CommittedChanges:
    """What a branch changes since it left another: read from git's objects, never checked out."""

    def __init__(self, repository: Path, base: str, head: str) -> None:
        """Find the changes of ``head`` since its merge base with ``base``.

        Raises:
            YardstickError: a revision is unknown, or the two have no common history.
        """
        self._repository = repository
        for name in (base, head):
            if name.startswith("-"):
                raise YardstickError(f"{name!r} is not a revision; give a branch or a commit")
        arguments = ("diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", f"{base}...{head}", "--")
        entries = _raw_entries(read_texts(repository, *arguments))
        sizes = self._sizes([blob for *_, mode, blob in entries if mode in (FILE_MODE, PROGRAM_MODE)])
        self.found = [Change(path, status, mode, sizes.get(blob, 0), blob) for path, status, mode, blob in entries]

    def content(self, change: Change) -> bytes:
        """Return the new content of a plain file, as committed: no filter of the repository is applied."""
        return read(self._repository, "cat-file", "blob", change.blob)

    def _sizes(self, blobs: Sequence[str]) -> dict[str, int]:
        return {blob: int(read(self._repository, "cat-file", "-s", blob)) for blob in blobs}


class LocalChanges:
    """What a working tree has that a commit lacks."""

    def __init__(self, root: Path, base: str = "HEAD") -> None:
        """Find what is changed and not yet committed, untracked files included.

        Raises:
            YardstickError: this is no git repository, or the revision is unknown.
        """
        self._root = root
        arguments = ("diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", base, "--")
        tracked = [
            self._change(path, status, mode) for path, status, mode, _ in _raw_entries(read_texts(root, *arguments))
        ]
        untracked = read_texts(root, "ls-files", "--others", "--exclude-standard", "-z")
        self.found = sorted(
            [*tracked, *(self._change(path, "A", None) for path in untracked)], key=lambda change: change.path
        )

    def content(self, change: Change) -> bytes:
        """Return the content of a plain file."""
        return (self._root / change.path).read_bytes()

    def _change(self, path: str, status: str, mode: str | None) -> Change:
        return _on_disk(self._root, path, status, mode)


class ListedFiles:
    """Files that were named one by one, taken as added."""

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        """Look at the files.

        Raises:
            YardstickError: a file is not there, or is outside the repository.
        """
        self._root = root
        self.found = [_on_disk(root, self._relative(file), "A", None) for file in files]

    def content(self, change: Change) -> bytes:
        """Return the content of a plain file."""
        return (self._root / change.path).read_bytes()

    def _relative(self, file: Path) -> str:
        relative = os.path.relpath(file, self._root)
        if relative.startswith("..") or not os.path.lexists(file):
            raise YardstickError(f"{file}: no such file below this folder; give files below {RESULTS}/")
        return Path(relative).as_posix()


def _raw_entries(texts: list[str]) -> list[tuple[str, str, str, str]]:
    """Return (path, status, mode, blob) of the entries of ``git diff --raw -z``."""
    entries = []
    for head, path in zip(texts[::2], texts[1::2], strict=True):
        _, mode, _, blob, status = head.removeprefix(":").split(" ")
        entries.append((path, status[0], mode, blob.strip("0") and blob))
    return entries


def _on_disk(root: Path, path: str, status: str, mode: str | None) -> Change:
    try:
        found = (root / path).lstat()
    except OSError:
        return Change(path, status, mode or ABSENT_MODE, 0)
    return Change(path, status, mode or _mode(found.st_mode), found.st_size)


def _mode(bits: int) -> str:
    if stat.S_ISLNK(bits):
        return LINK_MODE
    if not stat.S_ISREG(bits):
        return "040000"
    return PROGRAM_MODE if bits & stat.S_IXUSR else FILE_MODE
