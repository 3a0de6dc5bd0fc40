"""Converting the models that are shipped to GGUF, read back with the format's own reader."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from working_copy import ROOT
from yardstick.errors import YardstickError

gguf = pytest.importorskip("gguf", reason="gguf is not installed (envs/requirements-llama-cpp.txt)")

from yardstick.gguf_conversion import FILE_TYPES, convert  # noqa: E402 - needs gguf

SCRIPT = ROOT / "scripts/convert_to_gguf.py"
MINI = ROOT / "workflow/resources/embedded/yardstick-mini"
TOKENIZER = json.loads((MINI / "tokenizer.json").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the smallest model, to be changed."""
    return Path(shutil.copytree(MINI, tmp_path / "model"))


def converted(folder: Path, output: Path, number_format: str = "f32") -> Any:
    convert(folder, output, number_format)
    return gguf.GGUFReader(output)


def tensors(reader: Any) -> dict[str, Any]:
    return {tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}


def weights() -> dict[str, Any]:
    from safetensors.numpy import load_file

    return load_file(MINI / "model.safetensors")


def edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(("number_format", "error"), [("f32", 0.0), ("f16", 0.0), ("q8_0", 0.01), ("q4_0", 0.15)])
def test_weights_are_those_of_the_model(number_format: str, error: float, tmp_path: Path) -> None:
    found, expected = tensors(converted(MINI, tmp_path / "m.gguf", number_format)), weights()
    assert len(found) == len(expected)
    for name, key in {
        "token_embd.weight": "model.embed_tokens.weight",
        "blk.1.attn_v.weight": "model.layers.1.self_attn.v_proj.weight",
        "blk.0.ffn_down.weight": "model.layers.0.mlp.down_proj.weight",
        "output_norm.weight": "model.norm.weight",
    }.items():
        assert found[name].shape == expected[key].shape
        assert abs(found[name] - expected[key]).max() <= error * abs(expected[key]).max()


def test_rotated_rows_are_paired_and_none_is_lost(tmp_path: Path) -> None:
    found = tensors(converted(MINI, tmp_path / "m.gguf"))["blk.0.attn_q.weight"]
    expected = weights()["model.layers.0.self_attn.q_proj.weight"]
    # Two heads of 32 rows: the first of a head's second half, row 16, comes second.
    assert (found[:4] == expected[[0, 16, 1, 17]]).all()
    assert (found[32:34] == expected[[32, 48]]).all()
    assert sorted(map(bytes, found)) == sorted(map(bytes, expected.astype("float32")))


def test_vectors_stay_in_float32_and_matrices_get_the_format(tmp_path: Path) -> None:
    kinds = {len(t.shape): t.tensor_type.name for t in converted(MINI, tmp_path / "m.gguf", "q4_0").tensors}
    assert kinds == {1: "F32", 2: "Q4_0"}


def test_the_tokenizer_and_the_chat_template_are_in_the_file(tmp_path: Path) -> None:
    fields = converted(MINI, tmp_path / "m.gguf").fields
    assert [
        fields["tokenizer.ggml.tokens"].contents()[number] for number in TOKENIZER["model"]["vocab"].values()
    ] == list(TOKENIZER["model"]["vocab"])
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in TOKENIZER["model"]["merges"]]
    assert fields["tokenizer.ggml.merges"].contents() == merges
    settings = json.loads((MINI / "tokenizer_config.json").read_text())
    assert fields["tokenizer.chat_template"].contents() == settings["chat_template"]
    assert fields["tokenizer.ggml.pre"].contents() == "smollm"
    assert fields["tokenizer.ggml.add_bos_token"].contents() is False


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        convert(MINI, tmp_path / name, "q8_0")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.gguf", "b.gguf"}


def refusal(folder: Path, number_format: str = "f32") -> str:
    output = folder.parent / "refused.gguf"
    with pytest.raises(YardstickError) as raised:
        convert(folder, output, number_format)
    assert not output.exists()
    line = str(raised.value)
    assert len(line.splitlines()) == 1
    assert "; " in line
    return line


@pytest.mark.parametrize(
    ("file", "change", "expected"),
    [
        ("config.json", {"model_type": "gpt2"}, "its model_type is not llama"),
        ("config.json", {"hidden_act": "gelu"}, "its activation is not silu"),
        ("config.json", {"attention_bias": True}, "it has biases"),
        ("config.json", {"rope_parameters": {"rope_type": "llama3"}}, "it scales rotary positions"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Whitespace"}}, "its tokenizer is no plain byte-level BPE"),
        ("tokenizer.json", {"normalizer": {"type": "NFC"}}, "its tokenizer is no plain byte-level BPE"),
        ("config.json", {"num_hidden_layers": "two"}, "the model cannot be converted (TypeError"),
    ],
)
def test_a_model_of_another_kind_is_refused(file: str, change: dict[str, Any], expected: str, folder: Path) -> None:
    edit(folder / file, lambda content: content.update(change))
    assert expected in refusal(folder)


def test_files_that_are_missing_or_damaged_are_one_line(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert "the model cannot be converted (SafetensorError" in refusal(folder)
    (folder / "model.safetensors").unlink()
    assert "its weights are not in one model.safetensors" in refusal(folder)
    (folder / "config.json").write_text("{")
    assert "config.json: is not JSON" in refusal(folder)
    (folder / "config.json").unlink()
    assert "config.json: no such file" in refusal(folder)


def test_rows_that_do_not_fall_into_blocks_are_not_quantised(folder: Path) -> None:
    import numpy as np
    from safetensors.numpy import load_file, save_file

    changed = load_file(folder / "model.safetensors")
    changed["model.embed_tokens.weight"] = np.ones((1024, 65), np.float32)
    save_file(changed, folder / "model.safetensors")
    assert "token_embd.weight: rows of 65 cannot be quantised in blocks of 32" in refusal(folder, "q8_0")


def run(*arguments: object, before: str = "pass") -> subprocess.CompletedProcess[str]:
    start = f"import runpy, sys; {before}; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", start, str(SCRIPT), *map(str, arguments)]
    environment = {"PYTHONPATH": str(ROOT / "scripts")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_the_script_writes_a_file_in_each_format_it_offers(tmp_path: Path) -> None:
    offered = run("--help").stdout
    assert "{" + ",".join(FILE_TYPES) + "}" in offered
    done = run(MINI, "--output", tmp_path / "new/m.gguf", "--format", "q4_0")
    assert (done.returncode, done.stderr) == (0, "")
    assert gguf.GGUFReader(tmp_path / "new/m.gguf").fields["general.file_type"].contents() == FILE_TYPES["q4_0"]


def test_without_the_library_the_script_says_how_to_get_it(tmp_path: Path) -> None:
    done = run(MINI, "--output", tmp_path / "m.gguf", before="sys.modules['gguf'] = None")
    assert done.returncode == 1
    assert done.stderr == (
        "error: the package gguf is not installed; run: pip install -r envs/requirements-llama-cpp.txt\n"
    )
