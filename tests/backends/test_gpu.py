"""The Transformers engine on an accelerator; skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engines import MODEL, spec
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


def test_times_wait_for_the_device(engine: TransformersEngine) -> None:
    import torch

    timed = engine.stream(PROMPT, 20)
    begun = torch.cuda.Event(enable_timing=True)
    begun.record()
    begun.synchronize()
    # Nothing was left in the queue of the device when the last token's time was taken.
    assert timed.token_times_s == tuple(sorted(timed.token_times_s))
    assert torch.cuda.current_stream().query()


def test_versions_name_cuda(engine: TransformersEngine) -> None:
    assert engine.versions()["cuda"]
