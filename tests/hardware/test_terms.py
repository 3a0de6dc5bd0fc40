"""The parts of a request's time and memory, against what Transformers really does."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
import transformers
from test_families import CASES
from torch.utils._python_dispatch import TorchDispatchMode
from yardstick.hardware.families import FAMILIES, model_facts
from yardstick.hardware.profile import MachineProfile
from yardstick.hardware.terms import OPERATIONS, Running, load_peak_terms, peak_terms, prompt_terms, token_terms

_OPTIONS = dict(reversed(CASES))
ROWS = [
    {"quantity": "memory_bandwidth", "device": "cpu", "threads": 1, "value": 1e10},
    {"quantity": "dispatch", "device": "cpu", "threads": 1, "value": 1e-6},
    *(
        {
            "quantity": "linear", "device": "cpu", "threads": 1, "dtype": "float32", "layout": layout, "tokens": tokens,
            "matrix_bytes": size, "working_set_bytes": 2**28, "value": size * max(1, tokens / 8) / 1e10,
        }
        for layout in ("linear", "conv1d") for tokens in (1, 8, 64) for size in (2**6, 2**30)
    ),
]  # fmt: skip
PROFILE = MachineProfile("box", ROWS)
GPT2 = model_facts({"model_type": "gpt2", **_OPTIONS["gpt2"]}, "config.json")


class _Count(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        self.calls[str(function)] += 1
        return function(*arguments, **(options or {}))


def operations(family: str, layers: int) -> int:
    """Return the operations that decoding one token starts."""
    options = {**_OPTIONS[family]}
    options["n_layer" if family == "gpt2" else "num_hidden_layers"] = layers
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(family, **options)).eval()
    with torch.inference_mode():
        cache = model(torch.ones(1, 20, dtype=torch.long), use_cache=True).past_key_values
        with _Count() as count:
            model(torch.ones(1, 1, dtype=torch.long), past_key_values=cache, use_cache=True)
    return count.calls.total()


@pytest.mark.parametrize("family", FAMILIES)
def test_knows_how_many_operations_a_token_takes(family: str) -> None:
    two, six = operations(family, 2), operations(family, 6)
    of_layer = (six - two) / 4

    known_of_layer, known_others = OPERATIONS[family]

    # Gemma 2's layers take turns, one has a window.
    assert known_of_layer == pytest.approx(of_layer, abs=1)
    assert known_others == pytest.approx(two - 2 * of_layer, abs=8)


def test_reading_the_weights_takes_their_bytes_over_the_bandwidth() -> None:
    running = Running(GPT2, "float32", "cpu", 1)
    terms = token_terms(running, PROFILE, prompt=1, new_tokens=1_000_000)
    read = GPT2.layer_parameters + GPT2.head.parameters

    assert terms["matrices"] == pytest.approx(read * 4 / 1e10, rel=1e-4)


def test_a_longer_prompt_and_a_longer_context_take_longer() -> None:
    running = Running(GPT2, "float32", "cpu", 1)
    short, long = (prompt_terms(running, PROFILE, prompt=prompt) for prompt in (16, 32))

    assert long["matrices"] > short["matrices"]
    assert long["attention"] == 4 * short["attention"]
    assert long["operations"] == short["operations"]


def test_converted_weights_are_in_memory_twice_while_loading() -> None:
    mapped, converted = (Running(GPT2, "float32", "cpu", 1, is_converted=made) for made in (False, True))

    assert load_peak_terms(mapped)["weights"] == load_peak_terms(mapped)["stored"] == 0
    assert load_peak_terms(converted)["weights"] == GPT2.parameters * 4
    # Of a mapped table of positions only some rows are read.
    saved = (
        peak_terms(converted, prompt=8, new_tokens=8)["weights"] - peak_terms(mapped, prompt=8, new_tokens=8)["weights"]
    )
    assert saved == GPT2.looked_up * 4
