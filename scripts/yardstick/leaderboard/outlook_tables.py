"""The outlook as cells of tables, from the document alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yardstick.leaderboard.cells import NOTHING, number

_FITS = {True: "yes", False: "no", None: "perhaps"}
_PROMPT = "512"


def outlook_tables(outlook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context, a table per machine, and the table of errors."""
    return {
        "context": max((model["context_tokens"] for model in outlook["models"]), default=0),
        "library": number(outlook["library_mb"]),
        "machines": [
            {"title": _title(machine), "rows": list(_rows(outlook["models"], machine["machine"]))}
            for machine in outlook["machines"]
        ],
        "errors": [_error(error) for error in outlook["errors"]],
    }


def _title(machine: Mapping[str, Any]) -> str:
    gpu = f", GPU memory {number(machine['accelerator_mb'] / 1000)} GB" if machine["accelerator_mb"] else ""
    return (
        f"{machine['machine']} with {machine['threads']} threads, memory {number(machine['memory_mb'] / 1000)} GB{gpu}, "
        f"{number(machine['bandwidth_gb_s'])} GB/s"
    )


def _rows(models: list[Mapping[str, Any]], machine: str) -> Any:
    for model in models:
        speed = next((speed for speed in model["speeds"] if speed["machine"] == machine), None)
        if speed is None:
            continue
        shown = speed["tokens_per_s"]
        is_beyond = (shown or model["memory_mb"])["is_extrapolated"]
        yield [
            model["model"],
            f"{model['backend']}, {model['device']}",
            _FITS[speed["fits"]],
            _with_interval(model["memory_mb"]),
            _with_interval(shown),
            _marked(speed["ttft_s"].get(_PROMPT)),
            "beyond" if is_beyond else "",
        ]


def _with_interval(expected: Mapping[str, Any] | None) -> str:
    if expected is None:
        return NOTHING
    return f"{number(expected['value'])} [{number(expected['low'])}, {number(expected['high'])}]"


def _marked(expected: Mapping[str, Any] | None) -> str:
    """Return the cell with a star where the prompt or the model lies outside of what was measured."""
    return _with_interval(expected) + ("*" if expected and expected["is_extrapolated"] else "")


def _error(error: Mapping[str, Any]) -> list[str]:
    of_machines = " (machines)" if error["left_out"] == "machine" else ""
    return [
        error["title"],
        f"{error['backend']}, {error['device']}",
        f"{error['count']}{of_machines}",
        str(error["rows"]),
        *(_percent(error[name]) for name in ("median", "p90", "baseline_median", "baseline_p90")),
    ]


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{100 * share:.0f} %"
