"""Convert small Llama models, such as those that are shipped, to GGUF: the file format of llama.cpp.

Llama.cpp's own converter knows hundreds of architectures and refuses any tokenizer that it has not met. This one knows
one architecture and checks the tokenizer's parts, so what it writes gives the same tokens.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from yardstick.errors import YardstickError
from yardstick.files import write_with

FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
}
"""Number format of the matrices -> what GGUF calls it. Vectors (the norms) are always float32."""

_BYTES = {"type": "ByteLevel", "use_regex": True, "add_prefix_space": False}
_DIGITS = {"type": "Digits", "individual_digits": True}
# How a tokenizer cuts text before it merges -> the name under which llama.cpp does the same.
_CUTS = (([_BYTES], "gpt-2"), ([_DIGITS, _BYTES], "smollm"))


def convert(folder: Path, output: Path, number_format: str) -> None:
    """Write a model's folder as one GGUF file, weights, tokenizer and chat template.

    Args:
        folder: a Llama model in one safetensors file, with a byte-level BPE tokenizer.
        output: the file to write.
        number_format: a key of `FILE_TYPES`.

    Raises:
        YardstickError: the model is of another kind, or its files are damaged; nothing is written.
    """
    try:
        config, tokenizer = _json(folder / "config.json"), _json(folder / "tokenizer.json")
        _check(folder, config, tokenizer)
        write_with(output, lambda file: _write(file, folder, config, tokenizer, number_format))
    except (KeyError, TypeError, IndexError, SafetensorError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise YardstickError(f"{folder}: the model cannot be converted ({reason}); check its files") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise YardstickError(f"{path}: no such file; give the folder of a model") from error
    except ValueError as error:
        raise YardstickError(f"{path}: is not JSON; restore it") from error
    if not isinstance(content, dict):
        raise YardstickError(f"{path}: is not a JSON object; restore it")
    return content


def _check(folder: Path, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    """Refuse what would be converted to something else than it is."""
    rope = config.get("rope_parameters") or {}
    supported = {
        "its model_type is not llama": config.get("model_type") == "llama",
        "its activation is not silu": config.get("hidden_act") == "silu",
        "it has biases": not (config.get("attention_bias") or config.get("mlp_bias")),
        "it scales rotary positions": rope.get("rope_type", "default") == "default" and not config.get("rope_scaling"),
        "its weights are not in one model.safetensors": (folder / "model.safetensors").is_file(),
        "its tokenizer is no plain byte-level BPE": _is_plain(tokenizer) and _cut(tokenizer) is not None,
    }
    for problem, is_fine in supported.items():
        if not is_fine:
            raise YardstickError(f"{folder}: {problem}; convert it with llama.cpp's own convert_hf_to_gguf.py")


def _is_plain(tokenizer: dict[str, Any]) -> bool:
    model = tokenizer["model"]
    adds = (tokenizer["post_processor"] or {}).get("special_tokens")
    return model["type"] == "BPE" and not (model.get("ignore_merges") or tokenizer["normalizer"] or adds)


def _cut(tokenizer: dict[str, Any]) -> str | None:
    """Return llama.cpp's name for how a tokenizer cuts text, None if it has none."""
    parts = tokenizer["pre_tokenizer"] or {}
    parts = parts.get("pretokenizers", [parts])
    for expected, name in _CUTS:
        if len(parts) == len(expected) and all(
            wanted.items() <= part.items() for wanted, part in zip(expected, parts, strict=True)
        ):
            return name
    return None


def _write(file: BinaryIO, folder: Path, config: dict[str, Any], tokenizer: dict[str, Any], number_format: str) -> None:
    # The writer opens its file itself.
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "model.gguf")
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_type("model")
        writer.add_name(folder.resolve().name)
        writer.add_file_type(FILE_TYPES[number_format])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        _add_architecture(writer, config)
        _add_tokenizer(writer, folder, config, tokenizer)
        for name, tensor in _tensors(folder, config):
            _add_tensor(writer, name, tensor, number_format)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with path.open("rb") as written:
            shutil.copyfileobj(written, file)


def _add_architecture(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    heads = config["num_attention_heads"]
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or config
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads", heads))
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(rope.get("rope_theta", 10000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def _add_tokenizer(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    size = config["vocab_size"]
    tokens = [f"[UNUSED{number}]" for number in range(size)]
    kinds = [gguf.TokenType.UNUSED] * size
    for token, number in tokenizer["model"]["vocab"].items():
        tokens[number], kinds[number] = token, gguf.TokenType.NORMAL
    for added in tokenizer["added_tokens"]:
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        tokens[added["id"]], kinds[added["id"]] = added["content"], kind
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_cut(tokenizer) or "")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    special = gguf.SpecialVocab(folder, load_merges=True, n_vocab=size)
    # A plain tokenizer adds no token of its own, whatever its settings say.
    special.add_special_token = {"bos": False, "eos": False}
    special.add_to_gguf(writer, quiet=True)


def _tensors(folder: Path, config: dict[str, Any]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the weights by their GGUF names, in float32 and in llama.cpp's order of rotary positions."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    heads = config["num_attention_heads"]
    rotated = {"q_proj.weight": heads, "k_proj.weight": config.get("num_key_value_heads", heads)}
    with safe_open(folder / "model.safetensors", "numpy") as weights:
        for key in weights.keys():  # noqa: SIM118 - it is no dict
            name = names.get_name(key, try_suffixes=(".weight",))
            if name is None:
                raise YardstickError(f"{folder}: {key} is no tensor of a plain Llama model; take another model")
            tensor = weights.get_tensor(key).astype(np.float32)
            count = next((count for suffix, count in rotated.items() if key.endswith(suffix)), None)
            yield name, tensor if count is None else _interleaved(tensor, count)


def _interleaved(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Return the rows of each head with its two halves interleaved: Transformers rotates halves, llama.cpp pairs."""
    halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, rows.shape[1])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows.shape))


def _add_tensor(writer: gguf.GGUFWriter, name: str, tensor: NDArray[np.float32], number_format: str) -> None:
    kind = gguf.GGMLQuantizationType["F32" if tensor.ndim == 1 else number_format.upper()]
    try:
        writer.add_tensor(name, gguf.quants.quantize(tensor, kind), raw_dtype=kind)
    except gguf.quants.QuantError as error:
        raise YardstickError(
            f"{name}: rows of {tensor.shape[1]} cannot be quantised in blocks of 32; take f32 or f16"
        ) from error
