"""Suite files: each rule, and the line that a mistake gives."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick.errors import YardstickError
from yardstick.suites.load import read_suite
from yardstick.suites.suite import Suite, Task, load_suite

SHIPPED = yaml.safe_load((ROOT / "config/suites/reasoning.yaml").read_text())


def mistake(content: object, tmp_path: Path) -> str:
    file = tmp_path / "suite.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(YardstickError) as raised:
        load_suite(file)
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value).removeprefix(f"{file}: ")


def with_task(number: int, **changes: object) -> dict[str, Any]:
    content = copy.deepcopy(SHIPPED)
    content["tasks"][number].update(changes)
    return content


@pytest.mark.parametrize("file", sorted((ROOT / "config/suites").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_suite_is_valid_and_named_as_its_file(file: Path) -> None:
    assert read_suite(file).name == file.stem


WRONG = [
    ("category", "poetry", "arithmetic, logic"),
    ("question", "", "the question, one line"),
    ("question", 5, "the question, one line"),
    ("accept", [], "keywords of which one must"),
    ("accept", "43", "keywords of which one must"),
    ("reject", None, "keywords of which none may"),
]


@pytest.mark.parametrize(("field", "value", "expected"), WRONG)
def test_a_wrong_value_names_task_field_and_expectation(
    field: str, value: object, expected: str, tmp_path: Path
) -> None:
    line = mistake(with_task(1, **{field: value}), tmp_path)
    assert line.startswith(f"entry 2 (subtract-two-numbers): {field}: {value!r} is not valid")
    assert f"; expected: {expected}" in line


@pytest.mark.parametrize("name", ["../up", "a b", "A", "a--b", ""])
def test_a_task_id_that_is_no_plain_name_is_refused(name: str, tmp_path: Path) -> None:
    assert f"id: {name!r} is not valid" in mistake(with_task(0, id=name), tmp_path)


def test_a_task_id_given_twice_is_named(tmp_path: Path) -> None:
    line = mistake(with_task(0, id="subtract-two-numbers"), tmp_path)
    assert "the id 'subtract-two-numbers' is given twice; ids are unique, rename one" in line


def test_an_unknown_field_of_a_task_is_named(tmp_path: Path) -> None:
    assert mistake(with_task(0, points=3), tmp_path).startswith(
        "entry 1 (add-two-numbers): points: is not a known field"
    )


@pytest.mark.parametrize("keyword", [43, "", " ", "x" * 101])
def test_a_keyword_that_is_no_short_text_is_refused(keyword: object, tmp_path: Path) -> None:
    assert "is not valid" in mistake(with_task(0, accept=["43", keyword]), tmp_path)


@pytest.mark.parametrize("prompt", ["", "Answer:", "{question} {question}"])
def test_a_base_prompt_holds_the_question_once(prompt: str, tmp_path: Path) -> None:
    assert "base_prompt must hold {question} exactly once" in mistake({**SHIPPED, "base_prompt": prompt}, tmp_path)


def test_a_suite_without_tasks_is_refused(tmp_path: Path) -> None:
    assert mistake({**SHIPPED, "tasks": []}, tmp_path).startswith("tasks: [] is not valid")


def test_reject_may_be_left_out() -> None:
    content = copy.deepcopy(SHIPPED["tasks"][0])
    del content["reject"]
    assert Task.model_validate(content).reject == []


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert mistake(None, tmp_path).startswith("None is not valid (a mapping of fields is needed)")


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = st.sampled_from([*Suite.model_fields, *Task.model_fields])
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=100, deadline=None)
@given(changes=st.dictionaries(KEYS, TREES, min_size=1, max_size=3), number=st.integers(0, 9))
def test_a_suite_with_arbitrary_values_is_accepted_or_refused(
    changes: dict[str, Any], number: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "suite.yaml"
    file.write_text(yaml.safe_dump({**with_task(number, **changes), **changes}))
    line = f"{file}: accepted"
    try:
        load_suite(file)
    except YardstickError as error:
        line = str(error)
    assert len(line.splitlines()) == 1
    assert line.startswith(f"{file}: ")
