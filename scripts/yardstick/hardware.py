"""One machine label, one kind of machine: what the jobs of a cluster see is held against the label of their results."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from pathlib import Path

from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.machine import accelerators, machine_label


def seen_hardware() -> str:
    """Return processor, cores, memory and accelerators of this machine as one word."""
    cards = (f"{count}x-{name.lower().replace(' ', '-')}" for name, count in sorted(Counter(accelerators()).items()))
    return "+".join([machine_label("auto"), *cards])


def check_hardware(label: str, expected: str | None, claims: Path) -> None:
    """Refuse to measure on a machine that is not what its label stands for.

    Args:
        label: the label of the results.
        expected: what the settings say that the label stands for; None takes what the first job saw.
        claims: folder that all machines share, with one file per label.

    Raises:
        YardstickError: this machine is another.
    """
    seen = seen_hardware()
    wanted = expected or _claim(claims / label, seen)
    if wanted != seen:
        raise YardstickError(
            f"machine label {label!r} stands for {wanted}, but this node is {seen}; ask for one kind of node "
            "(docs/slurm.md), or give the other kind a label of its own"
        )


def _claim(path: Path, seen: str) -> str:
    """Return what the first job of a label saw; that job is this one if the file is not there yet."""
    own = path.with_name(f".{path.name}.{seen}")
    write_atomically(own, f"{seen}\n".encode())
    with contextlib.suppress(FileExistsError):
        os.link(own, path)  # fails if another job was first
    return path.read_text(encoding="utf-8").strip()
