"""The memory metric: a real model, and engines that hold what they are told to."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest
from scripted_engine import PROMPTS, SPEC, Scripted, ignore
from working_copy import ROOT
from yardstick.backends.base import Completion
from yardstick.errors import YardstickError
from yardstick.metrics import memory, memory_sampler
from yardstick.shards import SCHEMAS

MEASURE = """
import json, sys
from pathlib import Path
from yardstick.backends.base import ModelSpec
from yardstick.backends.transformers import TransformersEngine
from yardstick.metrics import memory

engine = TransformersEngine(ModelSpec(**json.loads(sys.argv[1]), path=Path(sys.argv[2])))
engine.prepare()
told = []
settings = {"prompts": ["The river rises."], "max_new_tokens": 8, "sample_interval_ms": 5}
(row,) = memory.observe(engine, **settings, progress=lambda *progress: told.append(progress)).rows
engine.close()
print(json.dumps({**row, "told": told}))
"""


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """The memory of a real model in a process of its own, and the progress that was told."""
    folder = ROOT / "workflow/resources/embedded/yardstick-mini"
    command = [sys.executable, "-c", MEASURE, json.dumps(SPEC), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    row: dict[str, Any] = json.loads(done.stdout)
    return row


@pytest.fixture
def sizes(measured: dict[str, Any]) -> dict[str, int]:
    return {name: size for name, size in measured.items() if name != "told"}


def test_memory_tells_progress_after_loading_and_after_decoding(measured: dict[str, Any]) -> None:
    assert measured["told"] == [[1, 2], [2, 2]]


def test_memory_grows_over_the_load(sizes: dict[str, int]) -> None:
    assert set(sizes) == set(SCHEMAS["memory"].names)
    assert sizes["rss_after_bytes"] > sizes["rss_before_bytes"] > 10_000_000


def test_no_peak_is_below_what_stayed(sizes: dict[str, int]) -> None:
    assert sizes["peak_load_bytes"] >= sizes["rss_after_bytes"]
    assert sizes["peak_decode_bytes"] >= sizes["rss_after_bytes"]


def test_the_unique_and_proportional_sizes_are_within_the_resident_one(sizes: dict[str, int]) -> None:
    assert 0 < sizes["uss_after_bytes"] <= sizes["pss_after_bytes"] <= sizes["rss_after_bytes"]
    assert sizes["accelerator_bytes"] == 0


class Hungry(Scripted):
    """An engine that holds some memory after loading, more while it loads and while it decodes."""

    held: mmap.mmap

    def process_ids(self) -> list[int]:
        return [os.getpid()]

    def load(self) -> None:
        _peak(200_000_000)
        self.held = _resident(50_000_000)

    def generate(self, prompt: str, new_tokens: int) -> Completion:
        _peak(100_000_000)
        return super().generate(prompt, new_tokens)


def _peak(size: int) -> None:
    with _resident(size):
        time.sleep(0.2)


def _resident(size: int) -> mmap.mmap:
    # Mapped, since the heap may serve this from memory that earlier tests freed and that is resident already.
    mapped = mmap.mmap(-1, size)
    for page in range(0, size, mmap.PAGESIZE):
        mapped[page] = 1
    return mapped


def test_memory_sees_what_stays_and_the_peaks_between() -> None:
    (row,) = memory.observe(Hungry(), prompts=PROMPTS, max_new_tokens=2, sample_interval_ms=5, progress=ignore).rows
    before = row["rss_before_bytes"]
    assert row["rss_after_bytes"] - before == pytest.approx(50e6, abs=15e6)
    assert row["peak_load_bytes"] - before == pytest.approx(200e6, abs=30e6)
    assert row["peak_decode_bytes"] - before == pytest.approx(150e6, abs=30e6)


def test_the_watching_process_ends_after_an_error() -> None:
    class Broken(Hungry):
        def load(self) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        memory.observe(Broken(), prompts=PROMPTS, max_new_tokens=2, sample_interval_ms=5, progress=ignore)
    assert not [child for child in psutil.Process().children() if "memory_sampler" in " ".join(child.cmdline())]


class Remote(Hungry):
    """An engine whose server runs elsewhere."""

    def process_ids(self) -> list[int]:
        return []


def test_memory_of_a_server_that_cannot_be_seen_is_refused() -> None:
    with pytest.raises(YardstickError, match="measure memory on the server's machine"):
        memory.observe(Remote(), prompts=PROMPTS, max_new_tokens=2, sample_interval_ms=5, progress=ignore)


def test_the_whole_of_a_server_that_ran_before_counts() -> None:
    class Running(Hungry):
        is_loaded = False

        def load(self) -> None:
            self.is_loaded = True

        def process_ids(self) -> list[int]:
            return [os.getpid()] if self.is_loaded else []

    (row,) = memory.observe(Running(), prompts=PROMPTS, max_new_tokens=2, sample_interval_ms=5, progress=ignore).rows
    assert row["rss_before_bytes"] == 0
    assert row["rss_after_bytes"] == pytest.approx(memory_sampler.trees_rss_bytes([os.getpid()], without=-1), rel=0.3)
