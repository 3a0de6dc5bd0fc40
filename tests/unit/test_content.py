"""The content hash of a model's folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from yardstick.content import content_hash
from yardstick.errors import YardstickError

MEMORY = "resources/content-hashes.json"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models/tiny"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def hash_of(model: Path) -> str:
    return content_hash(model, model.parent.parent)


def change(file: Path, content: bytes) -> None:
    """Write a file, and give it a time of change of its own."""
    file.write_bytes(content)
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_a_hash_is_the_same_with_and_without_memory(model: Path) -> None:
    first = hash_of(model)
    assert hash_of(model) == first
    (model.parent.parent / MEMORY).unlink()
    assert hash_of(model) == first


def test_a_hash_does_not_depend_on_where_the_folder_lies(model: Path, tmp_path: Path) -> None:
    first = hash_of(model)
    model.rename(tmp_path / "elsewhere")
    assert content_hash(tmp_path / "elsewhere", tmp_path) == first


def test_changed_bytes_of_the_same_length_change_the_hash(model: Path) -> None:
    first = hash_of(model)
    change(model / "model.safetensors", b"WEIGHTS")
    assert hash_of(model) != first


def test_another_time_of_change_alone_changes_nothing(model: Path) -> None:
    first = hash_of(model)
    change(model / "model.safetensors", b"weights")
    assert hash_of(model) == first


def test_a_new_a_renamed_and_a_removed_file_change_the_hash(model: Path) -> None:
    seen = {hash_of(model)}
    (model / "tokenizer.json").write_text("{}")
    seen.add(hash_of(model))
    (model / "tokenizer.json").rename(model / "tokens.json")
    seen.add(hash_of(model))
    (model / "config.json").unlink()
    seen.add(hash_of(model))
    assert len(seen) == 4


def test_content_moved_from_one_file_to_another_changes_the_hash(model: Path) -> None:
    first = hash_of(model)
    change(model / "config.json", b"weights")
    change(model / "model.safetensors", b"{}")
    assert hash_of(model) != first


def test_a_file_in_a_folder_within_counts(model: Path) -> None:
    first = hash_of(model)
    (model / "code").mkdir()
    (model / "code/modeling.py").touch()
    assert hash_of(model) != first


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "training.json", ".gitattributes", ".DS_Store"])
def test_a_description_changes_nothing(name: str, model: Path) -> None:
    first = hash_of(model)
    (model / name).write_text("words")
    assert hash_of(model) == first


def test_a_file_that_did_not_change_is_not_read_again(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = hash_of(model)
    monkeypatch.setattr("yardstick.content._file_hash", lambda path: pytest.fail(f"{path} is read again"))
    assert hash_of(model) == first


def test_other_bytes_under_the_old_time_are_noticed(model: Path) -> None:
    first = hash_of(model)
    weights = model / "model.safetensors"
    times = weights.stat().st_atime_ns, weights.stat().st_mtime_ns
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, ns=times)
    assert hash_of(model) != first


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"5"])
def test_a_spoilt_memory_costs_only_time(content: bytes, model: Path) -> None:
    first = hash_of(model)
    memory = model.parent.parent / MEMORY
    memory.write_bytes(content)
    assert hash_of(model) == first
    assert len(json.loads(memory.read_bytes())) == 2


def test_a_memory_that_cannot_be_written_costs_only_time(model: Path) -> None:
    (model.parent.parent / "resources").touch()
    assert hash_of(model) == hash_of(model)


def test_a_missing_folder_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        YardstickError, match=r"^models/none: no such model folder; correct source in config/models\.yaml"
    ):
        content_hash(tmp_path / "models/none", tmp_path)


def test_a_folder_with_descriptions_alone_holds_no_model(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    (tmp_path / "m").mkdir()
    (tmp_path / "m/README.md").touch()
    with pytest.raises(YardstickError, match=r"^m: holds no model files; put config\.json and weights there"):
        content_hash(tmp_path / "m", tmp_path)
