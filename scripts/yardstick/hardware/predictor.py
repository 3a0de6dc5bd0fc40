"""Predictions for models on machines, with their published error: one fit per quantity, engine and device."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, get_args

import numpy as np

from yardstick.hardware.errors import Error, LeftOut, left_out_estimates, summary
from yardstick.hardware.fit import Fit, Predicted, Sample
from yardstick.hardware.formats import DTYPE_BYTES, Layout
from yardstick.hardware.observed import Evidence, Observation, Quantity
from yardstick.hardware.profile import MachineProfile

Group = tuple[str, str]
# What each quantity is called where errors are shown.
TITLES: dict[Quantity, str] = {
    "token_s": "tokens/s",
    "ttft_s": "time to first token",
    "load_bytes": "memory after loading",
    "load_peak_bytes": "memory while loading",
    "peak_bytes": "memory while answering",
}
# The rule of thumb that predictions are held against: so much of the bandwidth is used to read all weights per token.
BASELINE_SHARE = 0.55
# ... and of memory: the weights and a fifth.
BASELINE_MEMORY = 1.2
_COVERED = 0.9
# Sizes between which, and beyond which, the time of a matrix on a typed-in GPU is a straight line.
_GPU_MATRIX_BYTES = (1, 2**30)
# What a machine that nothing was measured on adds to an interval, as half its width in logarithms.
OTHER_MACHINE = 0.35


@dataclass(frozen=True)
class PublishedError:
    """How far predictions of one quantity are off.

    Attributes:
        quantity: what is predicted.
        backend: the engine.
        device: cpu or cuda.
        left_out: what was predicted from the others, models or machines in turn.
        count: how many of these there are.
        rows: numbers that were measured.
        ours: errors of the predictions, None where there are fewer than two to leave out.
        baseline: errors of the rule of thumb on the same rows, None where there is no such rule.
    """

    quantity: Quantity
    backend: str
    device: str
    left_out: LeftOut
    count: int
    rows: int
    ours: Error | None
    baseline: Error | None


class Predictor:
    """Predicts from all that was measured."""

    def __init__(self, evidence: Evidence) -> None:
        self.profiles = evidence.profiles
        self._observations = evidence.observations
        self._machines = {(found.group, found.machine) for found in evidence.observations}
        self._fits: dict[tuple[Quantity, Group], Fit] = {}

    def predict(self, asked: Observation, profile: MachineProfile) -> Predicted:
        """Return a predicted number with its 90 % interval.

        Args:
            asked: what is asked for; its value is not read.
            profile: the machine.

        Raises:
            YardstickError: the profile says nothing of the device.
        """
        found = self._fit(asked.quantity, asked.group).predict(asked.sample(profile))
        if asked.quantity not in ("token_s", "ttft_s"):
            return found
        is_measured = (asked.group, profile.machine) in self._machines
        if not is_measured or self.profiles.get(profile.machine) is not profile:
            found = _wider(found, OTHER_MACHINE)
        if not profile.has(asked.running.device, asked.running.dtype, asked.running.threads):
            found = _wider(found, OTHER_MACHINE)
        return found

    def reading_share(self, asked: Observation, profile: MachineProfile) -> float:
        """Return how much of the time per token goes into reading weights, 0 to 1."""
        return self._fit("token_s", asked.group).share(asked.sample(profile), "matrices")

    @cached_property
    def errors(self) -> list[PublishedError]:
        """The errors of all that can be held against measurements."""
        found = []
        for quantity, group in sorted(self._groups):
            rows = self._groups[quantity, group]
            samples = self._samples(rows)
            baseline = [self._baseline(row) for row in rows]
            for by in get_args(LeftOut):
                estimates = (
                    self._estimates(quantity, group, by)
                    if by == "machine"
                    else self._left_out_models.get((quantity, group))
                )
                measured, count = [row.value for row in rows], len({getattr(sample, by) for sample in samples})
                ours = summary(estimates, measured, count) if estimates else None
                theirs = None
                if all(value is not None for value in baseline):
                    theirs = summary([value or 0.0 for value in baseline], measured, count)
                found.append(PublishedError(quantity, *group, by, count, len(rows), ours, theirs))
        return found

    @cached_property
    def _groups(self) -> dict[tuple[Quantity, Group], list[Observation]]:
        groups: dict[tuple[Quantity, Group], list[Observation]] = defaultdict(list)
        for found in self._observations:
            groups[found.quantity, found.group].append(found)
        return dict(groups)

    def _samples(self, rows: Sequence[Observation]) -> list[Sample]:
        return [row.sample(self.profiles[row.machine]) for row in rows]

    def _fit(self, quantity: Quantity, group: Group) -> Fit:
        key = quantity, group
        if key not in self._fits:
            rows = self._groups.get(key, [])
            fit = Fit(self._samples(rows), TERM_NAMES[quantity])
            fit.width = (self._width(quantity, group) if rows else None) or fit.width
            self._fits[key] = fit
        return self._fits[key]

    def _estimates(self, quantity: Quantity, group: Group, by: LeftOut) -> list[float] | None:
        samples = self._samples(self._groups[quantity, group])
        return left_out_estimates(samples, TERM_NAMES[quantity], by)

    def _log_errors(self, quantity: Quantity, group: Group) -> list[float] | None:
        rows = self._groups[quantity, group]
        estimates = self._left_out_models.get((quantity, group))
        if estimates is None:
            return None
        return [float(np.log(row.value / estimate)) for row, estimate in zip(rows, estimates, strict=True)]

    @cached_property
    def _left_out_models(self) -> dict[tuple[Quantity, Group], list[float]]:
        found = {key: self._estimates(*key, "model") for key in self._groups}
        return {key: estimates for key, estimates in found.items() if estimates is not None}

    def _width(self, quantity: Quantity, group: Group) -> float | None:
        """Return half the width of the 90 % interval, as a logarithm: what the errors of left out models say."""
        errors = self._log_errors(quantity, group)
        return None if errors is None else float(np.quantile(np.abs(errors), _COVERED))

    def _baseline(self, row: Observation) -> float | None:
        """Return what the rule of thumb says, None where there is none."""
        facts, running = row.running.facts, row.running
        if row.quantity == "token_s":
            bandwidth = self.profiles[row.machine].bandwidth(running.device, running.threads)
            return facts.weight_bytes(running.dtype) / bandwidth / BASELINE_SHARE
        if row.quantity == "peak_bytes":
            return BASELINE_MEMORY * facts.weight_bytes(running.dtype)
        return None


def rate(seconds: Predicted) -> Predicted:
    """Return tokens per second, from seconds per token."""
    return Predicted(1 / seconds.value, 1 / seconds.high, 1 / seconds.low, seconds.is_extrapolated)


def _wider(found: Predicted, width: float) -> Predicted:
    factor = float(np.exp(width))
    return replace(found, low=found.low / factor, high=found.high * factor, is_extrapolated=True)


TERM_NAMES: dict[Quantity, tuple[str, ...]] = {
    "token_s": ("matrices", "operations", "step", "cache", "prompt"),
    "ttft_s": ("matrices", "operations", "step", "activations", "attention"),
    "load_bytes": ("weights", "fixed", "layers"),
    "load_peak_bytes": ("weights", "stored", "fixed", "layers"),
    "peak_bytes": ("weights", "rows", "cache", "activations", "logits", "fixed", "layers"),
}


def typed_machine(reference: MachineProfile, bandwidth: float, memory: float) -> MachineProfile:
    """Return the profile of a machine of which only bandwidth and memory are known; the rest is the reference's.

    Args:
        reference: a measured machine.
        bandwidth: bytes per second that its memory delivers.
        memory: bytes.
    """
    faster = bandwidth / reference.bandwidth("cpu", _most_threads(reference))
    rows = []
    for row in reference.rows:
        if row["device"] != "cpu":
            continue
        if row["quantity"] == "linear" and row["tokens"] == 1:
            row = {**row, "value": row["value"] / faster}
        elif row["quantity"] == "memory_bandwidth":
            row = {**row, "value": row["value"] * faster}
        elif row["quantity"] == "memory":
            row = {**row, "value": memory}
        rows.append(row)
    return MachineProfile("typed-in", rows)


def typed_gpu(reference: MachineProfile, bandwidth: float, memory: float) -> MachineProfile:
    """Return the profile of a GPU of which only bandwidth and memory are known: what it reads, it reads at that speed.

    Nothing says how fast it computes, so nothing is known of prompts. The cost of starting an operation is the
    reference's: the processor starts them.

    Args:
        reference: a measured machine.
        bandwidth: bytes per second that the GPU's memory delivers.
        memory: bytes of the GPU's memory.
    """
    dispatch = reference.dispatch_s("cpu", _most_threads(reference))
    place = {"device": "cuda", "threads": None, "dtype": None, "layout": None, "tokens": None}
    sizes = {"matrix_bytes": None, "working_set_bytes": None}
    rows: list[dict[str, Any]] = [
        {"quantity": "memory", **place, **sizes, "value": memory, "unit": "bytes"},
        {"quantity": "memory_bandwidth", **place, **sizes, "value": bandwidth, "unit": "bytes/s"},
        {"quantity": "dispatch", **place, **sizes, "value": dispatch, "unit": "s"},
    ]
    for dtype, layout, size in itertools.product(DTYPE_BYTES, get_args(Layout), _GPU_MATRIX_BYTES):
        kind = {**place, "dtype": dtype, "layout": layout, "tokens": 1}
        of_size = {"matrix_bytes": size, "working_set_bytes": size}
        rows.append({"quantity": "linear", **kind, **of_size, "value": size / bandwidth, "unit": "s"})
    return MachineProfile("typed-in", rows)


def _most_threads(profile: MachineProfile) -> int:
    return max((row["threads"] or 0) for row in profile.rows)
