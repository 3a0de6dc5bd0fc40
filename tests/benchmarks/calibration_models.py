"""Models of many shapes for the calibration of predictions: random weights, since speed and memory do not read them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from benchmark_models import EMBEDDED, TOKENIZER_FILES

_GPT2 = {"model_type": "gpt2", "n_positions": 1024}
_MODERN = {"max_position_embeddings": 2048}


def _gpt2(layers: int, hidden: int, heads: int, vocab: int) -> dict[str, Any]:
    return {**_GPT2, "n_layer": layers, "n_embd": hidden, "n_head": heads, "vocab_size": vocab}


def _gated(
    family: str, layers: int, hidden: int, inside: int, heads: int, kv_heads: int, vocab: int, *, tied: bool
) -> dict[str, Any]:
    return {
        "model_type": family, "num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": inside,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "vocab_size": vocab,
        "tie_word_embeddings": tied, **_MODERN,
    }  # fmt: skip


def _neox(layers: int, hidden: int, heads: int, vocab: int) -> dict[str, Any]:
    return {
        "model_type": "gpt_neox", "num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": 4 * hidden,
        "num_attention_heads": heads, "vocab_size": vocab, **_MODERN,
    }  # fmt: skip


# Four families from 1 to 500 million parameters; several have the shape of a known model. Small and large take turns,
# so that a calibration that is stopped has seen both.
CONFIGS: dict[str, dict[str, Any]] = {
    "llama-1m": _gated("llama", 4, 128, 344, 4, 2, 2048, tied=True),
    "neox-70m": _neox(6, 512, 8, 50304),
    "gpt2-2m": _gpt2(6, 128, 4, 4096),
    "llama-135m": _gated("llama", 30, 576, 1536, 9, 3, 49152, tied=True),
    "qwen2-5m": _gated("qwen2", 8, 192, 512, 6, 2, 8192, tied=True),
    "qwen2-494m": _gated("qwen2", 24, 896, 4864, 14, 2, 151936, tied=True),
    "neox-9m": _neox(6, 256, 8, 8192),
    "gpt2-82m": _gpt2(6, 768, 12, 50257),
    "llama-15m": _gated("llama", 6, 288, 768, 6, 6, 32000, tied=True),
    "neox-162m": _neox(12, 768, 12, 50304),
    "gpt2-20m": _gpt2(8, 384, 6, 16384),
    "gpt2-124m": _gpt2(12, 768, 12, 50257),
    "qwen2-33m": _gated("qwen2", 16, 384, 1024, 6, 2, 16384, tied=True),
    "llama-362m": _gated("llama", 32, 960, 2560, 15, 5, 49152, tied=True),
    "llama-58m": _gated("llama", 8, 512, 1376, 8, 8, 32000, tied=False),
    "qwen2-240m": _gated("qwen2", 20, 768, 3072, 12, 4, 65536, tied=True),
}


def write_model(config: dict[str, Any], dtype: str, folder: Path) -> None:
    """Write random weights in a number format, with an embedded model's tokenizer."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    options = {key: value for key, value in config.items() if key != "model_type"}
    special = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    made = transformers.AutoConfig.for_model(config["model_type"], **options, **special)
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(made, dtype=getattr(torch, dtype)).save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copy(EMBEDDED / "yardstick-base" / name, folder / name)
