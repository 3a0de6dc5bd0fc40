"""The header of a GGUF file: the facts of its model, without reading a weight.

The format is that of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Every count in the file is untrusted:
nothing is read or kept beyond fixed limits.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from yardstick.errors import YardstickError
from yardstick.hardware.facts import Matrix, ModelFacts, StoredWeights
from yardstick.hardware.fields import Fields

_MOST_PAIRS, _MOST_TENSORS = 4096, 65_536
_MOST_KEY, _MOST_TEXT, _MOST_ARRAY = 4096, 16_000_000, 16_000_000
_MOST_HEADER = 256_000_000
_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
# Tensor type -> elements of a block, bytes of a block.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
_DTYPES = {0: "float32", 1: "float16", 30: "bfloat16"}
# llama.cpp's name of an architecture -> that of Transformers.
_FAMILIES = {"phi2": "phi", "gptneox": "gpt_neox"}


@dataclass(frozen=True)
class _Tensor:
    shape: tuple[int, ...]
    kind: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes."""
        elements, block_bytes = _BLOCKS[self.kind]
        return self.elements // elements * block_bytes


def gguf_facts(path: Path) -> ModelFacts:
    """Return the facts of the model in a GGUF file.

    Raises:
        YardstickError: the file is missing or no GGUF file, or says nothing that a model can be.
    """
    try:
        with path.open("rb") as file:
            metadata, tensors = _Header(file, path).read()
    except OSError as error:
        raise YardstickError(f"{path}: cannot be read ({error.strerror}); fetch the model again") from None
    return _facts(metadata, tensors, path)


class _Header:
    """Reads the header of an open file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path

    def read(self) -> tuple[dict[str, Any], dict[str, _Tensor]]:
        """Return the metadata without its arrays, whose lengths stand for them, and the tensors by name."""
        if self._bytes(4) != b"GGUF":
            raise self._error("does not begin as a GGUF file")
        version = self._number("<I")
        if version not in (2, 3):
            raise self._error(f"has version {version} of the format, 2 and 3 are known")
        tensors = self._count("<Q", _MOST_TENSORS, "tensors")
        pairs = self._count("<Q", _MOST_PAIRS, "pairs of metadata")
        metadata = {}
        for _ in range(pairs):
            key = self._text(_MOST_KEY)
            metadata[key] = self._value(self._number("<I"))
        return metadata, dict(self._tensor() for _ in range(tensors))

    def _tensor(self) -> tuple[str, _Tensor]:
        name = self._text(_MOST_KEY)
        dimensions = self._count("<I", 4, "dimensions of a tensor")
        shape = tuple(self._count("<Q", 2**40, "elements") for _ in range(dimensions))
        if 0 in shape:
            raise self._error("has a tensor without elements")
        kind, _offset = self._number("<I"), self._number("<Q")
        if kind not in _BLOCKS:
            raise self._error(f"has a tensor of type {kind}, which is not known")
        return name, _Tensor(shape, kind)

    def _value(self, kind: int) -> Any:
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        if kind == _STRING:
            return self._text(_MOST_TEXT)
        if kind != _ARRAY:
            raise self._error(f"has metadata of type {kind}, which is not known")
        kind, count = self._number("<I"), self._count("<Q", _MOST_ARRAY, "values in an array")
        if kind in _NUMBERS:
            self._skip(count * struct.calcsize(_NUMBERS[kind]))
        elif kind == _STRING:
            for _ in range(count):
                self._skip(self._count("<Q", _MOST_TEXT, "bytes in a text"))
        else:
            raise self._error("has an array of arrays, which no model needs")
        return count

    def _count(self, form: str, most: int, what: str) -> int:
        value = self._number(form)
        if value > most:
            raise self._error(f"claims {value} {what}, at most {most} are read")
        return int(value)

    def _text(self, most: int) -> str:
        return self._bytes(self._count("<Q", most, "bytes in a text")).decode("utf-8", errors="replace")

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]

    def _skip(self, count: int) -> None:
        if self._file.tell() + count > _MOST_HEADER:
            raise self._error(f"has a header of more than {_MOST_HEADER} bytes")
        self._file.seek(count, 1)

    def _bytes(self, count: int) -> bytes:
        if self._file.tell() + count > _MOST_HEADER:
            raise self._error(f"has a header of more than {_MOST_HEADER} bytes")
        content = self._file.read(count)
        if len(content) != count:
            raise self._error("ends within its header")
        return content

    def _error(self, problem: str) -> YardstickError:
        return YardstickError(f"{self._path}: {problem}; fetch the model again, or take another file")


def _facts(metadata: dict[str, Any], tensors: dict[str, _Tensor], path: Path) -> ModelFacts:
    architecture = str(metadata.get("general.architecture", ""))[:40]
    prefix = f"{architecture}."
    fields = Fields({key.removeprefix(prefix): value for key, value in metadata.items()}, str(path))
    embedding = tensors.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        raise fields.error("has no table of embeddings (token_embd.weight)")
    hidden, vocab = embedding.shape
    heads = fields.whole("attention.head_count")
    is_tied = "output.weight" not in tensors
    looked_up = [
        tensor
        for name, tensor in tensors.items()
        if name == "position_embd.weight" or (name == "token_embd.weight" and not is_tied)
    ]
    total = sum(tensor.size for tensor in tensors.values())
    first = [tensor for name, tensor in tensors.items() if name.startswith("blk.0.") and len(tensor.shape) == 2]
    kinds = {tensor.kind for name, tensor in tensors.items() if len(tensor.shape) == 2}
    return ModelFacts(
        family=_FAMILIES.get(architecture, architecture),
        parameters=sum(tensor.elements for tensor in tensors.values()),
        layers=fields.whole("block_count"),
        hidden=hidden,
        intermediate=fields.whole("feed_forward_length"),
        heads=heads,
        kv_heads=fields.whole("attention.head_count_kv", default=heads),
        head_dim=fields.whole("attention.key_length", default=max(1, hidden // heads)),
        vocab=vocab,
        is_tied=is_tied,
        context=fields.whole("context_length"),
        dtype=_DTYPES.get(next(iter(kinds))) if len(kinds) == 1 else None,
        matrices=tuple(Matrix(tensor.shape[0], tensor.shape[1]) for tensor in first),
        looked_up=sum(tensor.elements for tensor in looked_up),
        stored=StoredWeights(total, total - sum(tensor.size for tensor in looked_up)),
    )
