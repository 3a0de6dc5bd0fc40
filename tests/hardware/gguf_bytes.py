"""The bytes of GGUF headers, written by hand for tests."""

from __future__ import annotations

import struct
from typing import Any


def text(value: str) -> bytes:
    content = value.encode()
    return struct.pack("<Q", len(content)) + content


def pair(key: str, value: Any) -> bytes:
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, list):
        return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    return text(key) + struct.pack("<II", 4, value)


def tensor(name: str, shape: tuple[int, ...], kind: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, 0)


def header(metadata: dict[str, Any], tensors: list[tuple[str, tuple[int, ...], int]]) -> bytes:
    start = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    return start + b"".join(pair(*item) for item in metadata.items()) + b"".join(tensor(*item) for item in tensors)


METADATA: dict[str, Any] = {
    "general.architecture": "llama",
    "tokenizer.ggml.tokens": ["a", "b", "longer"],
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 128,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.context_length": 512,
}
LAYER: list[tuple[str, tuple[int, ...]]] = [
    ("attn_q.weight", (64, 64)),
    ("attn_k.weight", (64, 32)),
    ("attn_v.weight", (64, 32)),
    ("attn_output.weight", (64, 64)),
    ("ffn_gate.weight", (64, 128)),
    ("ffn_up.weight", (64, 128)),
    ("ffn_down.weight", (128, 64)),
]


def llama(*, is_tied: bool = False, kind: int = 2) -> bytes:
    """Return the header of a small Llama, its matrices of one type (2 is q4_0)."""
    tensors = [("token_embd.weight", (64, 96), kind), ("output_norm.weight", (64,), 0)]
    for layer in range(2):
        tensors += [(f"blk.{layer}.{name}", shape, kind) for name, shape in LAYER]
        tensors += [(f"blk.{layer}.{name}.weight", (64,), 0) for name in ("attn_norm", "ffn_norm")]
    if not is_tied:
        tensors.append(("output.weight", (64, 96), kind))
    return header(METADATA, tensors)
