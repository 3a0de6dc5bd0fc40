"""Keep the fields of a model's `config.json` that its facts need, so that they are known where the model is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yardstick.files import write_atomically
from yardstick.hardware.families import model_facts
from yardstick.hardware.fields import read_config

_FIELDS = (
    "model_type", "n_layer", "n_embd", "n_head", "n_inner", "n_positions", "num_hidden_layers", "hidden_size",
    "intermediate_size", "ffn_dim", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
    "max_position_embeddings", "word_embed_proj_dim", "tie_word_embeddings", "attention_bias", "mlp_bias", "enable_bias",
    "layer_norm_elementwise_affine", "do_layer_norm_before", "_remove_final_layer_norm", "qk_layernorm", "sliding_window",
    "use_sliding_window", "layer_types",
)  # fmt: skip


def keep_architecture(file: Path, model: str, config: Mapping[str, Any]) -> None:
    """Add a model's fields to `config/architectures.json`, or replace them.

    Raises:
        YardstickError: the file is broken, the family is unknown, or a field is missing or impossible.
    """
    inner = config.get("text_config")
    flat = {**config, **inner} if isinstance(inner, dict) else config
    fields = {name: flat[name] for name in _FIELDS if flat.get(name) is not None}
    if dtype := flat.get("dtype") or flat.get("torch_dtype"):
        fields["dtype"] = dtype
    model_facts(fields, f"config.json of {model}")
    kept = {**(read_config(file) if file.exists() else {}), model: fields}
    lines = [f"  {json.dumps(name)}: {json.dumps(kept[name])}" for name in sorted(kept)]
    write_atomically(file, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
