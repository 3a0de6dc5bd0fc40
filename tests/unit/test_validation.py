"""Mistakes in configuration files: one line each, which names file, entry, field and remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field
from yardstick.errors import YardstickError
from yardstick.validation import StrictModel, parse, read_yaml


class Wheel(StrictModel):
    id: str = Field(description="name of the wheel")
    size: int = Field(ge=1, description="inches, a whole number from 1")


class Car(StrictModel):
    kind: Literal["small", "large"] = Field(description="small or large")
    wheels: list[Wheel] = Field(default=[], description="the wheels")
    spare: Wheel | None = Field(default=None, description="the wheel in the boot")


def mistake(data: Any) -> str:
    with pytest.raises(YardstickError) as raised:
        parse(Car, data, file="car.yaml")
    return str(raised.value)


def mistake_in_file(path: Path, content: bytes | str) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(YardstickError) as raised:
        read_yaml(path)
    line = str(raised.value)
    assert len(line.splitlines()) == 1
    assert line.startswith(f"{path}: ")
    return line


def test_a_wrong_type_names_file_entry_field_value_and_what_is_expected() -> None:
    line = mistake({"kind": "small", "wheels": [{"id": "left", "size": 1}, {"id": "right", "size": "big"}]})
    assert line.startswith("car.yaml: entry 2 (right): size: 'big' is not valid (")
    assert line.endswith("; expected: inches, a whole number from 1")


def test_an_entry_without_an_id_is_named_by_its_number() -> None:
    assert mistake({"kind": "small", "wheels": [{"size": 1}]}) == (
        "car.yaml: entry 1: id: is missing; add it; expected: name of the wheel"
    )


def test_an_unknown_key_is_refused_and_named() -> None:
    assert mistake({"kind": "small", "colour": "red"}) == (
        "car.yaml: colour: is not a known field; remove it or correct its spelling"
    )


def test_a_nested_field_is_named_with_its_parents() -> None:
    assert mistake({"kind": "small", "spare": {"id": "x", "size": 0}}).startswith(
        "car.yaml: spare.size: 0 is not valid"
    )


def test_further_mistakes_are_counted() -> None:
    assert mistake({"kind": 1, "colour": 2, "spare": 3}).endswith(" (and 2 more)")


def test_a_long_value_is_cut() -> None:
    assert len(mistake({"kind": "x" * 10_000})) < 300


def test_line_breaks_in_names_do_not_break_the_line() -> None:
    line = mistake({"kind": "small", "wheels": [{"id": "a\nb\u2028c", "size": 0}], "x\ny": 1})
    assert len(line.splitlines()) == 1


def test_a_value_nested_very_deep_is_refused_like_any_other() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    assert len(mistake({"kind": deep})) < 300


@pytest.mark.parametrize("data", [None, [], "text", 5, {}])
def test_a_document_that_is_no_mapping_of_the_fields_is_refused(data: Any) -> None:
    assert mistake(data).startswith("car.yaml: ")


def test_values_do_not_change_after_loading() -> None:
    car = parse(Car, {"kind": "small"}, file="car.yaml")
    with pytest.raises(ValueError, match="frozen"):
        car.kind = "large"


def test_a_key_given_twice_is_refused_and_its_line_named(tmp_path: Path) -> None:
    line = mistake_in_file(tmp_path / "x.yaml", "kind: small\nspare:\n  size: 1\n  size: 2\n")
    assert "the key 'size' is given twice; keep one" in line
    assert "line 3" in line


def test_a_missing_file_names_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(YardstickError, match=r"no\.yaml: no such file; restore it with: git checkout -- "):
        read_yaml(tmp_path / "no.yaml")


def test_a_folder_in_place_of_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(YardstickError, match=r"cannot be read \(Is a directory\); check its permissions"):
        read_yaml(tmp_path)


def test_an_empty_file_is_an_empty_document(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").touch()
    assert read_yaml(tmp_path / "x.yaml") is None


NOT_YAML = {
    "binary": b"\x89PNG\r\n\x1a\n\x00\x00\xff",
    "latin-1": "licence: für alle".encode("latin-1"),
    "open bracket": "a: [1, 2",
    "tab": "a:\n\t- b",
    "python object": "a: !!python/object/apply:os.getcwd []",
    "key that is a list": "? [a]\n: 1",
    "day that does not exist": "a: 2026-13-45",
    "number of too many digits": "a: " + "1" * 5000,
    "no number": "a: !!int x",
    "no truth": "a: !!bool x",
    "no date": "a: !!timestamp x",
    "alias of nothing": "a: *b",
}


@pytest.mark.parametrize("name", NOT_YAML)
def test_a_file_that_is_no_yaml_is_one_line(name: str, tmp_path: Path) -> None:
    assert "not valid YAML" in mistake_in_file(tmp_path / "x.yaml", NOT_YAML[name])


def test_json_with_a_character_beyond_sixteen_bits_is_read(tmp_path: Path) -> None:
    document = {"prompt": "A cat \U0001f408 and a control \x7f."}
    (tmp_path / "x.json").write_text(json.dumps(document))
    assert read_yaml(tmp_path / "x.json") == document


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    line = "accepted"
    try:
        read_yaml(path)
    except YardstickError as error:
        line = str(error)
    assert len(line.splitlines()) == 1


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
KEYS = st.sampled_from(["kind", "wheels", "spare", "id", "size"]) | st.text(max_size=4) | st.integers() | st.none()
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=300, deadline=None)
@given(data=TREES)
def test_arbitrary_data_is_accepted_or_refused_in_one_line(data: Any) -> None:
    line = "car.yaml: accepted"
    try:
        parse(Car, data, file="car.yaml")
    except YardstickError as error:
        line = str(error)
    assert len(line.splitlines()) == 1
    assert line.startswith("car.yaml: ")
