"""Whether a machine's label agrees with the facts that travel with its results."""

from __future__ import annotations

import re

from yardstick.leaderboard.text import one_line

_AUTOMATIC = re.compile(r"(?P<words>[a-z0-9-]+)-(?P<cores>[0-9]+)c-(?P<memory>[0-9]+)gb")


def label_problem(label: str, *, cpu: str, cores: int, memory_bytes: int) -> str | None:
    """Return why a label in the form of ``machine: auto`` cannot be this machine's, or None. Other labels are free.

    Args:
        label: for example ``amd-epyc-2c-24gb``.
        cpu: the processor's name as the system gives it.
        cores: number of cores.
        memory_bytes: memory that the system reports, a little less than what is installed.
    """
    found = _AUTOMATIC.fullmatch(label)
    if found is None:
        return None
    if int(found["cores"]) != cores:
        return f"machine {label}: the run had {cores} cores"
    # Firmware, graphics and crash dumps keep some of what is installed, at most a third on small machines.
    gib = memory_bytes / 2**30
    if not 0.6 * int(found["memory"]) <= gib <= 1.01 * int(found["memory"]):
        return f"machine {label}: the run had {gib:.1f} GiB of memory"
    *whole, last = _words(found["words"])
    known = _words(cpu)
    # A long name is cut, so the label's last word may be the beginning of one.
    if not set(whole) <= set(known) or not any(word.startswith(last) for word in [*known, "cpu"]):
        return f"machine {label}: the run's processor was {one_line(cpu)[:60]}"
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
