"""Fetch a pinned model from the hub into the ordinary cache and prove that it arrived intact."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, logging
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

from yardstick.errors import YardstickError
from yardstick.hub.cache import cached_snapshot, hub_cache, repository_folder
from yardstick.hub.faults import FAULTS, brief, explained, patiently
from yardstick.hub.listing import ask, remote_files
from yardstick.hub.progress import Console, Meter, size
from yardstick.hub.selection import needed_files
from yardstick.hub.transfer import Origin, RemoteFile, download, fault_of

LARGEST_OVER_HTTP = constants.MAX_HTTP_DOWNLOAD_SIZE
"""Bytes; the hub gives larger files out by its Xet protocol only, which cannot be resumed."""


@dataclass(frozen=True)
class FetchedFile:
    """A verified file: path in the repository, bytes, SHA-256 of its content."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Fetched:
    """A verified snapshot: its folder in the cache and its files."""

    path: Path
    files: list[FetchedFile]


def fetch(
    repo: str,
    revision: str,
    *,
    file: str | None = None,
    allow_pickle: bool = False,
    allow_remote_code: bool = False,
    on_progress: Console | None = None,
) -> Fetched:
    """Download the files that loading needs at a pinned commit, and check the size and checksum of each.

    An interrupted download goes on where it stopped; what is cached already is checked, not fetched. The snapshot's
    folder appears only when all its files are right. If the hub cannot be asked, a complete cached snapshot serves.
    Of a repository of GGUF files ``file`` alone is downloaded.

    Raises:
        YardstickError: one line that names the repository, what went wrong and the remedy.
    """
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    console = on_progress or Console()
    with explained(repo, revision):
        try:
            return _Fetch(Origin(repo, revision), console, file).run(allow_pickle, allow_remote_code)
        except YardstickError as error:
            raise YardstickError(f"{repo}: {error}") from None


class _Fetch:
    """One run: where things go, and who is told."""

    def __init__(self, origin: Origin, console: Console, file: str | None) -> None:
        self._origin = origin
        self._console = console
        self._file = file
        self._folder = repository_folder(origin.repo)
        self._snapshot = self._folder / "snapshots" / origin.revision

    def run(self, allow_pickle: bool, allow_remote_code: bool) -> Fetched:
        listed = self._list()
        names = needed_files(listed, allow_pickle=allow_pickle, allow_remote_code=allow_remote_code, file=self._file)
        files = [listed[name] for name in names]
        missing = [file for file in files if not self._present(file)]
        self._check_room(missing)
        meter = self._start(files, missing)
        fetched = [FetchedFile(file.name, file.size, self._obtain(file, meter)) for file in files]
        for file in files:
            self._link(file)
        self._say(f"{len(files)} files, {size(sum(file.size for file in files))}, all sizes and checksums are right")
        return Fetched(self._snapshot, fetched)

    def _say(self, line: str) -> None:
        self._console.say(f"{self._origin.repo}: {line}")

    def _list(self) -> dict[str, RemoteFile]:
        """Ask the hub for its files; where it cannot be asked, go by a complete cached snapshot."""
        try:
            info = patiently(lambda: ask(self._origin.repo, self._origin.revision), say=self._say)
            return remote_files(info)
        except FAULTS as error:
            if cached_snapshot(self._origin.repo, self._origin.revision, self._file) is None:
                raise
            self._say(f"{brief(error)}; the cached snapshot serves")
            return self._cached()

    def _cached(self) -> dict[str, RemoteFile]:
        """Describe the cached snapshot; the links' targets are named by their checksums."""
        files = {}
        for path in self._snapshot.rglob("*"):
            if path.is_file():
                digest = path.readlink().name if path.is_symlink() else ""
                name = path.relative_to(self._snapshot).as_posix()
                files[name] = RemoteFile(name, path.stat().st_size, digest)
        return files

    def _blob(self, file: RemoteFile) -> Path:
        return self._folder / "blobs" / file.digest

    def _partial(self, file: RemoteFile) -> Path:
        return self._folder / "blobs" / f"{file.digest}.incomplete"

    def _present(self, file: RemoteFile) -> Path | None:
        """Return where the file is in the cache, or None; without symbolic links it is in the snapshot itself."""
        for path in (self._snapshot / file.name, self._blob(file)):
            if path.is_file():
                return path
        return None

    def _start(self, files: list[RemoteFile], missing: list[RemoteFile]) -> Meter:
        kept = sum(_size(self._partial(file)) for file in missing)
        total = sum(file.size for file in missing)
        if missing:
            more = f", {size(kept)} kept from an earlier run" if kept else ""
            self._say(f"fetching {len(missing)} of {len(files)} files, {size(total)}{more}")
        return Meter(self._console, self._origin.repo, total=total, done=kept)

    def _check_room(self, missing: list[RemoteFile]) -> None:
        """Refuse to start what cannot fit."""
        need = sum(file.size - _size(self._partial(file)) for file in missing)
        free = shutil.disk_usage(_existing(hub_cache())).free
        if need > free:
            raise YardstickError(
                f"needs {size(need)}, {hub_cache()} has room for {size(free)}; free some or set HF_HOME to a larger disk"
            )

    def _obtain(self, file: RemoteFile, meter: Meter) -> str:
        """Return the SHA-256 of the file, which is in the cache and right afterwards."""
        is_kept = bool(self._present(file)) or self._partial(file).exists()
        fault, sha256 = self._bring(file, meter)
        if fault and is_kept:
            self._say(f"{file.name} from an earlier run {fault}; fetching it again")
            fault, sha256 = self._bring(file, meter)
        if fault:
            raise YardstickError(f"{file.name} {fault}; deleted, run the same command again")
        return sha256

    def _bring(self, file: RemoteFile, meter: Meter) -> tuple[str, str]:
        """Return the fault, if any, of the cached or newly downloaded file, which is then deleted, and its SHA-256."""
        if not self._present(file):
            self._download(file, meter)
        path = self._present(file)
        if path is None:
            return "does not arrive in the cache", ""
        sha256, fault = fault_of(path, file)
        if fault:
            self._delete(file)
        return fault, sha256

    def _download(self, file: RemoteFile, meter: Meter) -> None:
        if file.size > LARGEST_OVER_HTTP:
            self._say(f"{file.name} is above {size(LARGEST_OVER_HTTP)}: the hub's Xet protocol brings it, in one go")
            self._link(file)
            return
        with self._lock(file):
            if not self._present(file):
                download(self._origin, file, self._partial(file), meter=meter, say=self._say)
                self._partial(file).replace(self._blob(file))

    @contextmanager
    def _lock(self, file: RemoteFile) -> Iterator[None]:
        """Hold the lock that huggingface_hub, too, takes for this blob."""
        lock = hub_cache() / ".locks" / self._folder.name / f"{file.digest}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        self._blob(file).parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            yield

    def _delete(self, file: RemoteFile) -> None:
        for path in (self._snapshot / file.name, self._blob(file), self._partial(file)):
            path.unlink(missing_ok=True)

    def _link(self, file: RemoteFile) -> None:
        """Let huggingface_hub put the file into the snapshot; it finds the blob and asks only for its headers."""
        if not (self._snapshot / file.name).is_file():
            origin = self._origin
            patiently(lambda: hf_hub_download(origin.repo, file.name, revision=origin.revision), say=self._say)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _existing(path: Path) -> Path:
    """Return the nearest folder above that exists."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - links are followed by the question for free space itself
    while not path.exists():
        path = path.parent
    return path
