"""The facts of a model's shape against Transformers itself, on the meta device, where no weight takes memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from yardstick.errors import YardstickError
from yardstick.hardware.families import FAMILIES, model_facts

_SIZES: dict[str, Any] = {
    "vocab_size": 96, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3, "num_attention_heads": 6,
    "max_position_embeddings": 64,
}  # fmt: skip
_SHARED = {**_SIZES, "num_key_value_heads": 2}
_GPT2 = {"vocab_size": 96, "n_embd": 48, "n_layer": 3, "n_head": 6, "n_positions": 64}
_OPT = {key: value for key, value in _SIZES.items() if key != "intermediate_size"} | {"ffn_dim": 80}
# Each family as it comes, and with the options that move parameters.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("gpt2", _GPT2),
    ("gpt2", {**_GPT2, "n_inner": 56, "tie_word_embeddings": False}),
    ("llama", _SHARED),
    ("llama", {**_SHARED, "head_dim": 16, "tie_word_embeddings": True}),
    ("llama", {**_SHARED, "attention_bias": True, "mlp_bias": True}),
    ("mistral", {**_SHARED, "sliding_window": 32}),
    ("qwen2", _SHARED),
    ("qwen2", {**_SHARED, "tie_word_embeddings": True}),
    ("qwen3", {**_SHARED, "head_dim": 16}),
    ("qwen3", {**_SHARED, "attention_bias": True}),
    ("phi", _SIZES),
    ("phi", {**_SHARED, "qk_layernorm": True}),
    ("phi3", {**_SHARED, "pad_token_id": 0}),
    ("gemma", _SHARED),
    ("gemma", {**_SHARED, "head_dim": 16, "tie_word_embeddings": False}),
    ("gemma2", {**_SHARED, "sliding_window": 32}),
    ("gemma2", {**_SHARED, "head_dim": 16, "attention_bias": True}),
    ("gpt_neox", _SIZES),
    ("gpt_neox", {**_SIZES, "attention_bias": False, "tie_word_embeddings": True}),
    ("opt", _OPT),
    ("opt", {**_OPT, "word_embed_proj_dim": 24, "do_layer_norm_before": False}),
]


def _config(family: str, options: dict[str, Any]) -> Any:
    return transformers.AutoConfig.for_model(family, **options)


def _model(config: Any) -> Any:
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize(("family", "options"), CASES)
def test_counts_the_parameters_that_transformers_makes(family: str, options: dict[str, Any]) -> None:
    config = _config(family, options)
    model = _model(config)

    from_class = model_facts(config.to_dict(), "config.json")
    from_file = model_facts({"model_type": family, **options}, "config.json")

    assert from_class.parameters == model.num_parameters()
    # What the file leaves out has the class's default.
    assert from_file.parameters == model.num_parameters()


@pytest.mark.parametrize(("family", "options"), CASES)
def test_names_the_matrices_that_a_layer_multiplies_with(family: str, options: dict[str, Any]) -> None:
    config = _config(family, options)
    model = _model(config)
    conv1d = transformers.pytorch_utils.Conv1D
    found = []
    for name, module in model.named_modules():
        if ".1." not in name or not isinstance(module, (torch.nn.Linear, conv1d)):
            continue
        rows, columns = module.weight.shape
        found.append((rows, columns, "conv1d") if isinstance(module, conv1d) else (columns, rows, "linear"))

    facts = model_facts(config.to_dict(), "config.json")

    assert sorted((m.inputs, m.outputs, m.layout) for m in facts.matrices) == sorted(found)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_tested(family: str) -> None:
    assert family in {name for name, _ in CASES}


@pytest.mark.parametrize(("family", "options"), CASES)
def test_computes_the_cache_that_decoding_fills(family: str, options: dict[str, Any]) -> None:
    config = _config(family, options)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    tokens = 20
    with torch.inference_mode():
        cache = model(torch.ones(1, tokens, dtype=torch.long), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)

    facts = model_facts(config.to_dict(), "config.json")

    assert facts.kv_bytes(tokens, "float32") == held
    assert facts.kv_bytes_per_token("float32") == held // tokens


def test_a_window_ends_the_growth_of_its_layers() -> None:
    facts = model_facts({"model_type": "gemma2", **_SHARED, "head_dim": 16, "sliding_window": 32}, "config.json")

    # Layers 0 and 2 of 3 have the window.
    assert facts.kv_bytes(64, "float32") == (1 * 64 + 2 * 32) * 2 * 2 * 16 * 4


def test_counts_operations_and_bytes_of_gpt2() -> None:
    facts = model_facts({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024,
                         "vocab_size": 50257}, "config.json")  # fmt: skip

    assert facts.parameters == 124_439_808
    # The tied embedding is the head, so only the positions are looked up.
    assert facts.weight_bytes_per_token("float32") == (124_439_808 - 1024 * 768) * 4
    assert facts.kv_bytes_per_token("bfloat16") == 2 * 12 * 768 * 2
    matrices = 12 * 12 * 768**2
    assert facts.decode_flops(1) == 2 * matrices + 2 * 768 * 50257 + 4 * 12 * 768
    assert facts.prefill_flops(1) == facts.decode_flops(1)
    assert facts.prefill_flops(10) == 20 * matrices + 2 * 768 * 50257 + 4 * 12 * 768 * 55


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"model_type": "mamba", **_SHARED}, "model_type is 'mamba', and only these are known: gpt2, llama"),
        (_SHARED, "model_type is none"),
        ({"model_type": "llama", **_SHARED, "hidden_size": "48"}, "hidden_size must be a whole number from 1"),
        ({"model_type": "llama", **_SHARED, "hidden_size": True}, "hidden_size must be a whole number from 1"),
        ({"model_type": "llama", **_SHARED, "vocab_size": 10**12}, "vocab_size must be a whole number from 1"),
        ({"model_type": "llama", **_SHARED, "num_attention_heads": 7}, "cannot be split over 7 attention heads"),
        ({"model_type": "llama", **_SHARED, "num_key_value_heads": 4}, "6 attention heads cannot share 4"),
        ({"model_type": "llama", **_SHARED, "tie_word_embeddings": 1}, "tie_word_embeddings must be true or false"),
        ({"model_type": "llama", "vocab_size": 9}, "lacks num_hidden_layers"),
    ],
)
def test_says_in_one_line_what_is_wrong(config: dict[str, Any], told: str) -> None:
    with pytest.raises(YardstickError, match=r"config\.json: .*; take the model's own file") as caught:
        model_facts(config, "config.json")

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
