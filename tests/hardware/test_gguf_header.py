"""Facts out of GGUF headers, sound ones and such as nobody should trust."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import pytest
from gguf_bytes import METADATA, header, llama
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from yardstick.errors import YardstickError
from yardstick.hardware.families import model_facts
from yardstick.hardware.gguf_header import gguf_facts

CONFIG = {
    "model_type": "llama", "vocab_size": 96, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "model.gguf"


@pytest.mark.parametrize("is_tied", [False, True])
def test_says_the_same_as_config_json(file: Path, is_tied: bool) -> None:
    file.write_bytes(llama(is_tied=is_tied))
    expected = model_facts({**CONFIG, "tie_word_embeddings": is_tied}, "config.json")

    facts = gguf_facts(file)

    assert dataclasses.replace(facts, stored=None, matrices=()) == dataclasses.replace(
        expected, dtype=None, matrices=()
    )
    assert facts.layer_parameters == expected.layer_parameters


def test_counts_quantised_bytes(file: Path) -> None:
    file.write_bytes(llama())
    matrices = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 64 * 128 * 3)

    facts = gguf_facts(file)

    # A block of q4_0 is 32 elements in 18 bytes; norms are float32.
    assert facts.weight_bytes("float32") == (matrices + 2 * 64 * 96) * 18 // 32 + 5 * 64 * 4
    assert facts.weight_bytes_per_token("float32") == (matrices + 64 * 96) * 18 // 32 + 5 * 64 * 4


def test_names_the_number_format_where_there_is_one(file: Path) -> None:
    file.write_bytes(llama(kind=30))

    assert gguf_facts(file).dtype == "bfloat16"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "ends within its header"),
        (b"PK\3\4", "does not begin as a GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "has version 1"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), f"claims {2**60} tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), f"claims {2**60} pairs"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63), f"claims {2**63} bytes in a text"),
        (llama()[:-9], "ends within its header"),
        (header(METADATA, []), "has no table of embeddings"),
        (header({"general.architecture": "llama"}, [("token_embd.weight", (64, 96), 0)]), "lacks attention.head_count"),
        (header(METADATA, [("token_embd.weight", (64, 96), 99)]), "has a tensor of type 99"),
    ],
)
def test_says_in_one_line_what_is_wrong(file: Path, content: bytes, told: str) -> None:
    file.write_bytes(content)

    with pytest.raises(YardstickError, match=f"model.gguf: {told}"):
        gguf_facts(file)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(llama()) - 1), byte=st.integers(0, 255))
@example(place=8, byte=255)
def test_no_changed_byte_makes_it_fail_otherwise(file: Path, place: int, byte: int) -> None:
    content = bytearray(llama())
    content[place] = byte
    file.write_bytes(content)

    try:
        told = f"{gguf_facts(file).parameters} parameters"
    except YardstickError as error:
        told = str(error)

    assert "\n" not in told
    assert not told.startswith("0")
