"""The cells of the table that people read, from rows of `leaderboard.json`; both tables are made of them.

Standard library only: showing the leaderboard takes no longer than starting Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yardstick.catalog import MAIN_SUITE

NOTHING = "–"

# Heading -> whether its cells are numbers, which stand to the right.
HEADINGS = {
    "#": True,
    "Model": False,
    "Score": False,
    "Tokens/s": True,
    "Latency (s)": True,
    "Memory (MB)": True,
    "Machine": False,
    "Flags": False,
}

_Row = Mapping[str, Any]
_Suites = Mapping[str, Mapping[str, Any]]


def headings(suites: _Suites) -> dict[str, bool]:
    """Return the headings of a document with these suites: those beside the main one stand behind the score."""
    found = {}
    for heading, is_number in HEADINGS.items():
        found[heading] = is_number
        if heading == "Score":
            found |= {suite["title"]: False for suite in other_suites(suites).values()}
    return found


def cells(row: _Row, suites: _Suites) -> list[str]:
    """Return one text per heading, rounded for reading; nothing is escaped."""
    return [
        NOTHING if row["rank"] is None else str(row["rank"]),
        row["model"],
        _score(row["reasoning"]),
        *(_score(row["suites"].get(name)) for name in other_suites(suites)),
        _rate(row["throughput"]),
        _latency(row["latency"]),
        NOTHING if row["memory"] is None else number(row["memory"]["increment_mb"]),
        machine(row),
        ", ".join(row["flags"]),
    ]


def other_suites(suites: _Suites) -> _Suites:
    """Return the suites beside the main one, in their order."""
    return {name: suite for name, suite in suites.items() if name != MAIN_SUITE}


def number(value: float) -> str:
    """Return a number with three digits, and all digits before the decimal point."""
    if value == 0:
        return "0"
    exponent = int(f"{value:.2e}".rpartition("e")[2])
    return f"{value:.{max(0, 2 - exponent)}f}"


def parameters(count: int) -> str:
    """Return a count of parameters in thousands, millions or billions."""
    amount, unit = float(count), ""
    for larger in (" k", " M", " B"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f}{unit}" if unit == " B" and amount < 99.95 else f"{amount:.0f}{unit}"


def machine(row: _Row) -> str:
    """Return a row's machine with the number of threads computed with."""
    return str(row["machine"]) + (f" ×{row['threads']}" if row["threads"] else "")


def environment(row: _Row) -> str:
    """Return the versions that a row was measured with."""
    known = row["environment"]
    parts = [f"python {known['python']}", *(f"{name} {version}" for name, version in known["packages"].items())]
    return ", ".join(parts + ([f"epoch {known['epoch']}"] if known["epoch"] else []))


def engine(row: _Row) -> str:
    """Return backend, number format, quantisation and device."""
    return " ".join(str(row[name]) for name in ("backend", "dtype", "quantization", "device") if row[name])


def _score(part: Any) -> str:
    if part is None:
        return NOTHING
    low, high = part["interval"]
    return f"{part['score']:.2f} [{low:.2f}, {high:.2f}]"


def _latency(part: Any) -> str:
    """Return the median with its interval, or why there is none."""
    if part is None:
        return NOTHING
    if isinstance(part["p50_s"], str) or part["p50_interval"] is None:
        return str(part["p50_s"]) if isinstance(part["p50_s"], str) else number(part["p50_s"])
    low, high = part["p50_interval"]
    return f"{number(part['p50_s'])} [{number(low)}, {number(high)}]"


def _rate(part: Any) -> str:
    if part is None:
        return NOTHING
    text = number(part["tokens_per_s"])
    if part["interval"] is None:
        return text
    return f"{text} ± {number((part['interval'][1] - part['interval'][0]) / 2)}"
