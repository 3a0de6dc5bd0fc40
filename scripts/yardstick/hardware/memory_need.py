"""The memory that a model needs, predicted before anything is started."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from yardstick.errors import YardstickError
from yardstick.hardware.locate import facts_of
from yardstick.hardware.terms import LIBRARY_BYTES
from yardstick.plan import Plan
from yardstick.registry import ModelEntry

if TYPE_CHECKING:
    from yardstick.hardware.forecast import Forecast
    from yardstick.hardware.predictor import Predictor

# Models that take this many times their weights, and the libraries, fit without a closer look.
_PLENTY = 3.0
# Tokens that the timing metrics have in memory at a time: a prompt and its answer, with room.
_CONTEXT = 256


def predicted_refusal(entry: ModelEntry, plan: Plan, available: int) -> str | None:
    """Return why a model does not fit into memory, or None where it does or nobody knows.

    Args:
        entry: the model, run in this process or by a server on this machine's processor.
        plan: the repository.
        available: bytes that this process may use.
    """
    try:
        facts = facts_of(entry, plan.inputs.root)
        if entry.device != "cpu" or facts.weight_bytes(entry.dtype or "float32") * _PLENTY + LIBRARY_BYTES < available:
            return None
        needed = _forecast(entry, plan)
    except YardstickError:
        return None
    if needed is None or needed.peak.low + LIBRARY_BYTES <= available:
        return None
    low, value, high = (
        (number + LIBRARY_BYTES) / 1e6 for number in (needed.peak.low, needed.peak.value, needed.peak.high)
    )
    return (
        f"needs about {value:.0f} MB of memory (predicted, {low:.0f} to {high:.0f}), this machine has "
        f"{available // 1_000_000} MB; use a larger machine"
    )


def _forecast(entry: ModelEntry, plan: Plan) -> Forecast | None:
    """Return what a model needs; memory takes no profile of a machine."""
    # Late: all this imports SciPy.
    from yardstick.hardware.forecast import forecasts
    from yardstick.hardware.profile import MachineProfile

    nowhere = MachineProfile("here", [])
    told = forecasts(plan, _predictor(plan), nowhere, [entry], context=_CONTEXT, threads=plan.inputs.threads)
    return told.found[0] if told.found else None


@cache
def _predictor(plan: Plan) -> Predictor:
    """Return what predicts, fitted once in a run."""
    from yardstick.hardware.observed import gather
    from yardstick.hardware.predictor import Predictor

    return Predictor(gather(plan))
