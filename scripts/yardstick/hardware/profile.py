"""A machine's profile: what was measured of it, and how long a multiplication takes there by interpolation."""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from yardstick.errors import YardstickError
from yardstick.hardware.formats import DTYPE_BYTES, Layout

# Size -> seconds, sizes going up.
_Curve = list[tuple[float, float]]
_Key = tuple[str, int, str, str]


@dataclass(frozen=True)
class MachineProfile:
    """What bounds inference on a machine.

    Attributes:
        machine: its label.
        rows: the rows of its shard.
    """

    machine: str
    rows: Sequence[Mapping[str, Any]] = field(repr=False)

    def value(self, quantity: str, *, device: str = "cpu", threads: int | None = None) -> float | None:
        """Return a value that depends on nothing but device and threads, None where it was not measured."""
        found = {
            row["threads"]: float(row["value"])
            for row in self.rows
            if (row["quantity"], row["device"]) == (quantity, device)
        }
        if not found or threads is None or None in found:
            return next(iter(found.values()), None)
        return found[_nearest(list(found), threads)]

    def bandwidth(self, device: str, threads: int) -> float:
        """Return bytes read and written per second.

        Raises:
            YardstickError: the profile has no such device.
        """
        return self._needed("memory_bandwidth", device, threads)

    def dispatch_s(self, device: str, threads: int) -> float:
        """Return the seconds of a small operation.

        Raises:
            YardstickError: the profile has no such device.
        """
        return self._needed("dispatch", device, threads)

    def has(self, device: str, dtype: str, threads: int) -> bool:
        """Tell whether multiplications were measured just so."""
        return (device, threads if device == "cpu" else 0, dtype, "linear") in self._decoding

    def knows_prompts(self, device: str) -> bool:
        """Tell whether several tokens at once were measured."""
        return any(key[0] == device for key in self._prompts)

    def multiply_s(
        self, *, device: str, threads: int, dtype: str, layout: Layout, tokens: int, matrix_bytes: int, all_bytes: int
    ) -> float:
        """Return the seconds of so many tokens times a matrix.

        Args:
            device: cpu or cuda.
            threads: threads of the processor.
            dtype: number format of the weights.
            layout: layout of the weights.
            tokens: tokens that are multiplied at once.
            matrix_bytes: bytes of the matrix.
            all_bytes: bytes of all matrices that take turns; from those that fit into a cache it is faster.

        Where only single tokens are known, several take as long as one, which holds until the device has to compute.

        Raises:
            YardstickError: the profile has no such device.
        """
        key = self._nearest_key(device, threads, dtype, layout)
        # A number format that was not measured takes its time by the bytes.
        matrix_bytes = matrix_bytes * DTYPE_BYTES[key[2]] // DTYPE_BYTES[dtype]
        by_matrix = [(size, _at(curve, all_bytes, grows=False)) for size, curve in self._decoding[key]]
        one = _at(_never_faster(by_matrix), matrix_bytes)
        if tokens == 1 or key not in self._prompts:
            return one
        by_tokens = [(count, _at(curve, matrix_bytes)) for count, curve in self._prompts[key]]
        return _at(_never_faster([(1.0, one), *by_tokens]), tokens)

    def _needed(self, quantity: str, device: str, threads: int) -> float:
        value = self.value(quantity, device=device, threads=threads)
        if value is None:
            raise self._without(device)
        return value

    def _without(self, device: str) -> YardstickError:
        return YardstickError(
            f"the profile of {self.machine} says nothing of device {device}; measure it there with: "
            "snakemake --cores 1 profile_machine"
        )

    def _nearest_key(self, device: str, threads: int, dtype: str, layout: str) -> _Key:
        known = [key for key in self._decoding if (key[0], key[3]) == (device, layout)]
        if not known:
            raise self._without(device)
        of_dtype = [key for key in known if key[2] == dtype] or [
            key for key in known if DTYPE_BYTES[key[2]] == DTYPE_BYTES[dtype]
        ]
        among = of_dtype or known
        nearest = _nearest([key[1] for key in among], threads) if device == "cpu" else 0
        return next(key for key in among if key[1] == nearest)

    @cached_property
    def _decoding(self) -> dict[_Key, list[tuple[float, _Curve]]]:
        """Key -> (bytes of a matrix, bytes of all -> seconds of one token)."""
        return self._curves(lambda row: row["tokens"] == 1, "matrix_bytes", "working_set_bytes")

    @cached_property
    def _prompts(self) -> dict[_Key, list[tuple[float, _Curve]]]:
        """Key -> (tokens, bytes of a matrix -> seconds)."""
        return self._curves(lambda row: row["tokens"] > 1, "tokens", "matrix_bytes")

    def _curves(self, is_meant: Any, outer: str, inner: str) -> dict[_Key, list[tuple[float, _Curve]]]:
        found: dict[_Key, dict[float, _Curve]] = defaultdict(lambda: defaultdict(list))
        for row in self.rows:
            if row["quantity"] == "linear" and is_meant(row):
                key = row["device"], row["threads"] or 0, row["dtype"], row["layout"]
                found[key][row[outer]].append((row[inner], row["value"]))
        return {
            key: sorted((size, _never_faster(sorted(curve))) for size, curve in curves.items())
            for key, curves in found.items()
        }


def _never_faster(curve: _Curve) -> _Curve:
    """Lower each point to those after it: less work takes no longer, so what says so was disturbed."""
    best = math.inf
    lowered = []
    for size, seconds in reversed(curve):
        best = min(best, seconds)
        lowered.append((size, best))
    return lowered[::-1]


def best_of(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the better of each number of two profiles of a machine: what else runs only makes numbers worse."""
    best = {_what(row): row for row in one}
    for row in other:
        known = best.get(_what(row))
        is_better = known is None or (row["value"] < known["value"]) == (row["unit"] == "s")
        if is_better:
            best[_what(row)] = row
    return list(best.values())


def _what(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(value for key, value in sorted(row.items()) if key != "value")


def _nearest(known: Iterable[int], wanted: int) -> int:
    return min(known, key=lambda value: abs(math.log(value / wanted)))


def _at(curve: Sequence[tuple[float, float]], size: float, *, grows: bool = True) -> float:
    """Return the value of a curve at a size: on a line between its points where both axes are logarithmic.

    Below the first point it is constant, since small calls cost what they cost; above the last it grows with the size,
    or stays, if it does not ``grows``.
    """
    place = bisect.bisect_left(curve, (size, -math.inf))
    if place == 0:
        return curve[0][1]
    if place == len(curve):
        last_size, last = curve[-1]
        return last * size / last_size if grows else last
    (low_size, low), (high_size, high) = curve[place - 1], curve[place]
    share = math.log(size / low_size) / math.log(high_size / low_size)
    return math.exp(math.log(low) * (1 - share) + math.log(high) * share)
