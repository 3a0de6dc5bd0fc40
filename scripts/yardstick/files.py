"""Write files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from yardstick.errors import YardstickError

_MARK = ".partial"


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` under a temporary name in the same folder, flush it to disk, and rename it.

    Raises:
        YardstickError: the disk is full or the folder is not writable; an earlier file stays as it was.
    """

    def write(file: BinaryIO) -> None:
        file.write(content)

    write_with(path, write)


def write_with(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Like `write_atomically`, for content that ``write`` puts into an open file."""
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}{_MARK}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise YardstickError(
            f"{path}: cannot be written ({error.strerror or error}); free space or mend permissions, then run again"
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_temporary(name: str) -> bool:
    """Tell whether a file name is one that `write_atomically` uses while it writes."""
    return name.startswith(".") and name.endswith(_MARK)


def remove_if_abandoned(path: Path) -> None:
    """Delete a temporary file whose writer, a process on this machine, is gone."""
    name, _, pid = path.name.removesuffix(_MARK).rpartition(".")
    if name.endswith(f".{socket.gethostname()}") and pid.isdecimal() and not _is_running(int(pid)):
        with contextlib.suppress(OSError):
            path.unlink()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
