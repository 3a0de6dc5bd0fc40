"""Kernel locks, which end with the process that holds them: nothing is ever to be unlocked by hand."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from yardstick.errors import YardstickError


def hold_run_lock(path: Path, description: str) -> int:
    """Take the lock of this working copy for as long as this process lives; return its file descriptor.

    Raises:
        YardstickError: another run holds it; the line says which.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(descriptor)
        os.close(descriptor)
        raise YardstickError(f"another run works in this folder ({holder}); wait for it or stop it") from None
    started = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()}, {description}, since {started}\n".encode(), 0)
    return descriptor


def _holder(descriptor: int) -> str:
    """Return what the holder of a lock wrote, which it does just after taking it."""
    for _ in range(10):
        if text := os.pread(descriptor, 1000, 0).decode(errors="replace").strip():
            return text
        time.sleep(0.1)
    return "another process"


@contextmanager
def machine_lock(*, is_exclusive: bool, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock that all working copies on this machine share.

    Timing jobs take it exclusively, jobs that merely compute share it, so no timing overlaps with either.

    Args:
        is_exclusive: whether nothing else may compute meanwhile.
        waiting: called once if the lock is not free at once.
    """
    descriptor = _open_shared_file(Path(tempfile.gettempdir()) / "yardstick-machine.lock")
    kind = fcntl.LOCK_EX if is_exclusive else fcntl.LOCK_SH
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)


def _open_shared_file(path: Path) -> int:
    """Open a lock file that any user may lock; links are refused, since the folder is open to all."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        return os.open(path, flags | os.O_CREAT, 0o644)
    except OSError as error:
        raise YardstickError(f"{path}: cannot be locked ({error.strerror}); remove it and run again") from None
