"""What bounds inference on this machine, measured with PyTorch: memory, matrices, the cost of a small operation, disk.

A weight matrix times one token is what decoding does, times many what a prompt does. How long that takes depends on
where the weights are, so it is measured by the size of the matrix and by the size of all matrices that take turns: those
that fit into a cache come from there.
"""

from __future__ import annotations

import itertools
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yardstick.hardware.formats import DTYPE_BYTES, Layout
from yardstick.machine import usable_memory_bytes

Row = dict[str, Any]
KIB, MIB = 2**10, 2**20

DTYPES = ("float32", "bfloat16")
LAYOUTS: tuple[Layout, ...] = ("linear", "conv1d")
MATRIX_BYTES = (16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB, 64 * MIB)
WORKING_SETS = (256 * KIB, 2 * MIB, 16 * MIB, 256 * MIB)
PROMPT_MATRIX_BYTES = (64 * KIB, MIB, 16 * MIB)
PROMPT_TOKENS = (8, 32, 128, 512)
_DISK_BYTES = 256 * MIB
# What one observation may take at most, and all those of matrices together, in seconds.
_MOST_CALL_S, _ALL_S = 0.4, 32.0
_REPEATS = 7
# Matrices that take turns at most: more of the small ones only take time to set up.
_MOST_TURNS = 4096


@dataclass(frozen=True)
class Place:
    """Where is computed.

    Attributes:
        device: cpu or cuda.
        threads: threads of the processor, None on an accelerator.
    """

    device: str
    threads: int | None


def profile(torch: Any, folder: Path, progress: Callable[[int, int], None]) -> Iterator[Row]:
    """Yield what was measured, a row at a time.

    Args:
        torch: the library.
        folder: a folder on the disk that models are read from.
        progress: told (done, total) between two measurements.
    """
    places = list(_places(torch))
    steps = len(places) * len(DTYPES) + len(places) + 1
    count = itertools.count(1)
    yield _row("memory", usable_memory_bytes(), "bytes", Place("cpu", None))
    if torch.cuda.is_available():
        yield _row("memory", torch.cuda.get_device_properties(0).total_memory, "bytes", Place("cuda", None))
    yield _row("disk_read", _disk_read(folder), "bytes/s", Place("cpu", None))
    progress(next(count), steps)
    cell_s = _ALL_S / (len(places) * len(DTYPES) * len(LAYOUTS) * (len(_cells()) + len(_prompt_cells())))
    for place in places:
        if place.threads:
            torch.set_num_threads(place.threads)
        timer = _Timer(torch, place, cell_s)
        yield _row("memory_bandwidth", _copy_bandwidth(torch, timer), "bytes/s", place)
        yield _row("dispatch", _dispatch_s(torch, timer), "s", place)
        progress(next(count), steps)
        for dtype in DTYPES:
            yield from _matrices(torch, timer, dtype)
            progress(next(count), steps)


def _places(torch: Any) -> Iterator[Place]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = {2**power for power in range(cores.bit_length())} | {cores}
    for count in sorted(count for count in threads if count <= cores):
        yield Place("cpu", count)
    if torch.cuda.is_available():
        yield Place("cuda", None)


def _row(quantity: str, value: float, unit: str, place: Place, **details: Any) -> Row:
    known = {"dtype": None, "layout": None, "tokens": None, "matrix_bytes": None, "working_set_bytes": None}
    return {
        "quantity": quantity,
        "device": place.device,
        "threads": place.threads,
        **known,
        **details,
        "value": float(value),
        "unit": unit,
    }


class _Timer:
    """Times calls: the fastest of a few repeats, each long enough for the clock; what else runs only makes it longer."""

    def __init__(self, torch: Any, place: Place, cell_s: float) -> None:
        self._synchronize = torch.cuda.synchronize if place.device == "cuda" else lambda: None
        self.place = place
        self._repeat_s = min(cell_s / _REPEATS, 0.03)

    def seconds(self, call: Callable[[], object]) -> float:
        """Return the seconds of one call."""
        once = self._run(call, 1)
        if once > _MOST_CALL_S / 2:
            return min(once, self._run(call, 1))
        count = max(1, round(self._repeat_s / max(once, 1e-7)))
        return min(self._run(call, count) for _ in range(_REPEATS))

    def _run(self, call: Callable[[], object], count: int) -> float:
        self._synchronize()
        start_s = time.perf_counter()
        for _ in range(count):
            call()
        self._synchronize()
        return (time.perf_counter() - start_s) / count


def _copy_bandwidth(torch: Any, timer: _Timer) -> float:
    """Return bytes read and written per second while a buffer larger than any cache is copied."""
    source = torch.ones(WORKING_SETS[-1] // 8, device=timer.place.device)
    target = torch.empty_like(source)
    return 2.0 * int(source.nbytes) / timer.seconds(lambda: target.copy_(source))


def _dispatch_s(torch: Any, timer: _Timer) -> float:
    """Return the seconds that a small operation takes, mostly spent on the way to it: the mean of a usual mixture."""
    small = torch.ones(1, 1, 64, device=timer.place.device)
    wide = torch.ones(64, 64, device=timer.place.device)

    def mixture() -> None:
        squared = small.pow(2).mean(-1, keepdim=True)
        scaled = small * torch.rsqrt(squared + 1e-5)
        parts = scaled.view(1, 1, 4, 16).transpose(1, 2)
        turned = torch.cat((-parts[..., 8:], parts[..., :8]), dim=-1)
        torch.nn.functional.linear(turned.transpose(1, 2).reshape(1, 1, 64) + small, wide)

    with torch.inference_mode():
        for _ in range(2000):
            mixture()
        return timer.seconds(mixture) / 15


def _cells() -> list[tuple[int, int]]:
    """Return sizes of a matrix and of all that take turns, bytes."""
    return [(matrix, all_of) for matrix in MATRIX_BYTES for all_of in WORKING_SETS if matrix <= all_of]


def _prompt_cells() -> list[tuple[int, int]]:
    """Return sizes of a matrix and numbers of tokens."""
    return [(matrix, tokens) for matrix in PROMPT_MATRIX_BYTES for tokens in PROMPT_TOKENS]


def _matrices(torch: Any, timer: _Timer, dtype: str) -> Iterator[Row]:
    kind = getattr(torch, dtype)
    weights = torch.full((WORKING_SETS[-1] // DTYPE_BYTES[dtype],), 0.01, dtype=kind, device=timer.place.device)
    with torch.inference_mode():
        for layout in LAYOUTS:
            multiply = _Multiplication(torch, weights, layout)
            for matrix, working_set in _cells():
                seconds = timer.seconds(multiply.call(1, matrix, working_set))
                yield _linear(seconds, timer.place, dtype, layout, 1, matrix, working_set)
            for matrix in PROMPT_MATRIX_BYTES:
                yield from _prompts(multiply, timer, dtype, layout, matrix)


def _prompts(multiply: _Multiplication, timer: _Timer, dtype: str, layout: Layout, matrix: int) -> Iterator[Row]:
    """Yield rows for more and more tokens, up to those that would take too long."""
    expected_s = 0.0
    for tokens, following in zip(PROMPT_TOKENS, (*PROMPT_TOKENS[1:], PROMPT_TOKENS[-1]), strict=True):
        if expected_s > _MOST_CALL_S:
            return
        seconds = timer.seconds(multiply.call(tokens, matrix, WORKING_SETS[-1]))
        expected_s = seconds * following / tokens
        yield _linear(seconds, timer.place, dtype, layout, tokens, matrix, WORKING_SETS[-1])


def _width(matrix: int, element_bytes: int) -> int:
    """Return the width of the largest square matrix of at most ``matrix`` bytes whose rows are whole vectors."""
    return math.isqrt(matrix // element_bytes) // 16 * 16


def _linear(
    seconds: float, place: Place, dtype: str, layout: Layout, tokens: int, matrix: int, working_set: int
) -> Row:
    details = {"dtype": dtype, "layout": layout, "tokens": tokens, "working_set_bytes": working_set}
    size = _width(matrix, DTYPE_BYTES[dtype]) ** 2 * DTYPE_BYTES[dtype]
    return _row("linear", seconds, "s", place, **details, matrix_bytes=size)


class _Multiplication:
    """Tokens times square matrices that take turns out of one buffer."""

    def __init__(self, torch: Any, weights: Any, layout: Layout) -> None:
        self._torch, self._weights, self._layout = torch, weights, layout

    def call(self, tokens: int, matrix: int, working_set: int) -> Callable[[], object]:
        """Return a function that multiplies with the next matrix of ``working_set`` bytes, each of ``matrix`` bytes."""
        torch, weights = self._torch, self._weights
        width = _width(matrix, weights.element_size())
        count = min(max(1, working_set // matrix), _MOST_TURNS)
        turns = itertools.cycle([weights[place * width**2 :][: width**2].view(width, width) for place in range(count)])
        inputs = torch.full((tokens, width), 0.01, dtype=weights.dtype, device=weights.device)
        bias = torch.zeros(width, dtype=weights.dtype, device=weights.device)
        if self._layout == "linear":
            return lambda: torch.nn.functional.linear(inputs, next(turns))
        return lambda: torch.addmm(bias, inputs, next(turns))


def _disk_read(folder: Path) -> float:
    """Return bytes per second of reading a file that the system has been told to forget."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        block = os.urandom(MIB)
        for _ in range(_DISK_BYTES // MIB):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        start_s = time.perf_counter()
        while file.read(4 * MIB):
            pass
        return _DISK_BYTES / (time.perf_counter() - start_s)
