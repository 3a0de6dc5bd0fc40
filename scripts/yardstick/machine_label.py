"""One machine label, one kind of machine: what the jobs of a cluster see is held against the label of their results."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.machine import hardware_label, machine_facts
from yardstick.shard_paths import list_shards
from yardstick.shards import read_documents


def describe_hardware(facts: Mapping[str, Any]) -> str:
    """Return processor, cores, memory and accelerators of a machine as one word."""
    cards = sorted(Counter(facts["accelerators"]).items())
    return "+".join([hardware_label(facts), *(f"{count}x-{name.lower().replace(' ', '-')}" for name, count in cards)])


def check_hardware(label: str, expected: str | None, claims: Path, results: Path) -> None:
    """Refuse to measure on a machine that is not what its label stands for.

    Args:
        label: the label of the results.
        expected: what the settings say that the label stands for; None takes what the newest result under the label was
            measured on, and without any what the first job sees.
        claims: folder that all machines share, with one file per label.
        results: folder of the shards.

    Raises:
        YardstickError: this machine is another.
    """
    seen = describe_hardware(machine_facts())
    wanted = expected or _claimed(claims / label, lambda: _measured_hardware(results, label) or seen)
    if wanted != seen:
        raise YardstickError(
            f"machine label {label!r} stands for {wanted}, but this node is {seen}; ask for one kind of node "
            "(docs/slurm.md), or give the other kind a label of its own"
        )


def _claimed(path: Path, first: Callable[[], str]) -> str:
    """Return what stands in a claim; of several jobs that make it at once, one does."""
    if not path.exists():
        own = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")
        write_atomically(own, f"{first()}\n".encode())
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_text(encoding="utf-8").strip()


def _measured_hardware(results: Path, label: str) -> str | None:
    """Return what the newest result under a label was measured on, or None."""
    shards = (shard for shard in list_shards(results).sizes if shard.machine == label)
    runs = [documents[1] for shard in shards if (documents := read_documents(results, shard))]
    for run in sorted(runs, key=lambda run: str(run.get("measured_at")), reverse=True):
        with contextlib.suppress(KeyError, TypeError):  # a shard that somebody made by hand
            return describe_hardware(run["machine"])
    return None
