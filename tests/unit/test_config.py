"""The settings: each rule, and the line that a mistake gives."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick.config import MACHINE_PATTERN, load_config, parse_config
from yardstick.errors import YardstickError

SHIPPED = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def changed(dotted: str, value: object) -> dict[str, Any]:
    content = copy.deepcopy(SHIPPED)
    *parents, last = dotted.split(".")
    place = content
    for parent in parents:
        place = place[parent]
    place[last] = value
    return content


def mistake(dotted: str, value: object) -> str:
    with pytest.raises(YardstickError) as raised:
        parse_config(changed(dotted, value), file="config.yaml")
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value)


def test_the_shipped_settings_are_valid() -> None:
    assert load_config(ROOT / "config/config.yaml").protocol.latency.least_requests == 30


WRONG = [
    ("machine", "My Laptop", "label of this machine"),
    ("machine", "../x", "label of this machine"),
    ("machine", "x" * 65, "label of this machine"),
    ("epoch", "a/b", "empty, or a label"),
    ("epoch", None, "empty, or a label"),
    ("strict", "yes", "true: a model that this machine cannot run"),
    ("threads", 0, "threads of a measurement"),
    ("threads", "all", "threads of a measurement"),
    ("protocol.prompts", [], "texts that the timing"),
    ("protocol.answering.batch_size", 0, "prompts answered together"),
    ("protocol.latency.max_new_tokens", 1, "new tokens per request"),
    ("protocol.latency.least_requests", 1.5, "least requests"),
    ("engines.ollama.url", "ftp://here", "address of the server"),
    ("engines.vllm.command", "", "program"),
    ("memory_gb", -1, "for recommend: most memory"),
    ("protocol.latency.most_s", 0, "seconds after which"),
    ("protocol.latency.most_s", float("nan"), "seconds after which"),
    ("protocol.throughput.least_runs", 1, "least runs"),
    ("protocol.throughput.warmups", -1, "runs before the first"),
    ("protocol.memory.sample_interval_ms", -5, "milliseconds between samples"),
]


@pytest.mark.parametrize(("field", "value", "expected"), WRONG)
def test_a_wrong_value_names_field_value_and_expectation(field: str, value: object, expected: str) -> None:
    line = mistake(field, value)
    assert line.startswith(f"config.yaml: {field}: {repr(value)[:50]}")
    assert " is not valid (" in line
    assert f"; expected: {expected}" in line


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("protocol.latency.most_requests", 3, "protocol.latency: least_requests exceeds most_requests; lower the one"),
        ("protocol.throughput.least_s", 1e6, "protocol.throughput: least_s exceeds most_s; lower the one"),
        ("protocol.concurrency.levels", [2, 1], "protocol.concurrency.levels: the levels must go up; sort them"),
    ],
)
def test_values_that_do_not_fit_together_are_refused(field: str, value: object, expected: str) -> None:
    assert mistake(field, value).startswith(f"config.yaml: {expected}")


def test_an_unknown_field_is_refused_with_its_parents() -> None:
    assert mistake("protocol.latency.runs", 3).startswith("config.yaml: protocol.latency.runs: is not a known field")


def test_a_missing_part_is_named() -> None:
    content = copy.deepcopy(SHIPPED)
    del content["protocol"]["memory"]
    with pytest.raises(YardstickError, match=r"^config\.yaml: protocol\.memory: is missing; add it"):
        parse_config(content, file="config.yaml")


def test_an_empty_prompt_is_refused() -> None:
    assert mistake("protocol.prompts", ["A text.", "  "]).startswith("config.yaml: entry 2: ")


@pytest.mark.parametrize(("given", "expected"), [("a,b", ["a", "b"]), (" a , ", ["a"]), ("", []), (["a"], ["a"])])
def test_models_may_be_a_list_or_the_text_of_the_command_line(given: object, expected: list[str]) -> None:
    assert parse_config(changed("models", given), file="config.yaml").models == expected


def test_an_epoch_that_looks_like_a_number_is_a_text() -> None:
    assert parse_config(changed("epoch", 2026), file="config.yaml").epoch == "2026"


def test_a_truth_is_no_epoch() -> None:
    assert "epoch: True is not valid" in mistake("epoch", True)


def test_a_whole_number_of_seconds_is_a_time_limit() -> None:
    assert parse_config(changed("protocol.latency.most_s", 5), file="x").protocol.latency.most_s == 5.0


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    with pytest.raises(YardstickError, match=r"config\.yaml: None is not valid \(a mapping of fields is needed\)"):
        load_config(tmp_path / "config.yaml")


NUMBERS = st.integers(2, 100)
SECONDS = st.floats(1e-300, 1e300) | st.just(float("inf"))
TEXTS = st.text(min_size=1, max_size=20).filter(str.strip)


@settings(max_examples=100, deadline=None)
@given(tokens=NUMBERS, seconds=SECONDS, prompts=st.lists(TEXTS, min_size=1, max_size=3), threads=NUMBERS)
def test_settings_survive_the_snapshot_that_jobs_read(
    tokens: int, seconds: float, prompts: list[str], threads: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = changed("protocol.prompts", prompts) | {"threads": threads}
    content["protocol"]["latency"].update(max_new_tokens=tokens, most_s=seconds, least_s=0)
    config = parse_config(content, file="config.yaml")
    snapshot = tmp_path_factory.getbasetemp() / "snapshot.json"
    snapshot.write_text(json.dumps(config.model_dump(mode="json")))
    assert load_config(snapshot) == config


@settings(max_examples=200)
@given(label=st.from_regex(MACHINE_PATTERN) | st.text(max_size=12))
def test_an_accepted_machine_label_is_one_plain_folder_name(label: str) -> None:
    try:
        machine = parse_config(changed("machine", label), file="config.yaml").machine
    except YardstickError:
        return
    assert machine.strip("abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
    assert machine not in {"", ".", ".."}


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = st.sampled_from([*SHIPPED, *SHIPPED["protocol"], *SHIPPED["protocol"]["latency"]]) | st.text(max_size=4)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=300, deadline=None)
@given(changes=st.dictionaries(KEYS, TREES, max_size=3))
def test_arbitrary_settings_are_accepted_or_refused_in_one_line(changes: dict[str, Any]) -> None:
    line = "config.yaml: accepted"
    try:
        parse_config({**SHIPPED, **changes}, file="config.yaml")
    except YardstickError as error:
        line = str(error)
    assert len(line.splitlines()) == 1
    assert line.startswith("config.yaml: ")
