"""The Transformers engine on an accelerator; skipped where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from engines import MODEL, spec
from yardstick.backends import transformers
from yardstick.backends.transformers import TransformersEngine
from yardstick.machine import has_device

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not has_device("cuda"), reason="this machine has no CUDA device")]

PROMPT = "Question: What is 1 plus 1?\nAnswer:"


def opened(device: str, dtype: str = "float32") -> TransformersEngine:
    engine = TransformersEngine(spec(MODEL, device=device, dtype=dtype))
    engine.prepare()
    engine.load()
    return engine


@pytest.fixture
def engine() -> Iterator[TransformersEngine]:
    engine = opened("cuda")
    yield engine
    engine.close()


def test_tokens_in_float32_are_those_of_the_processor(engine: TransformersEngine) -> None:
    assert engine.generate(PROMPT, 30) == opened("cpu").generate(PROMPT, 30)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_takes_half_the_memory(engine: TransformersEngine, dtype: str) -> None:
    whole = engine.accelerator_bytes()
    half = opened("cuda", dtype)
    assert half.accelerator_bytes() - whole == pytest.approx(whole / 2, rel=0.2)
    assert half.generate(PROMPT, 5).output_tokens == 5


def test_the_peak_is_above_what_stays(engine: TransformersEngine) -> None:
    engine.generate(PROMPT, 20)
    assert engine.accelerator_peak_bytes() > engine.accelerator_bytes() > 0


def test_times_wait_for_the_device(engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    was_idle: list[bool] = []

    def perf_counter() -> float:
        was_idle.append(torch.cuda.current_stream().query())
        return time.perf_counter()

    monkeypatch.setattr(transformers, "time", SimpleNamespace(perf_counter=perf_counter))
    engine.stream(PROMPT, 20)
    # The start, the prompt and each token: whenever the clock is read, the device has nothing left to do.
    assert was_idle == [True] * 22


def test_versions_name_cuda(engine: TransformersEngine) -> None:
    assert engine.versions()["cuda"]
