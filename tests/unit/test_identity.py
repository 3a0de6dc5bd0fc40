"""Which inputs make which shards wanted: each is changed alone, and exactly the expected shards must follow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from identity_world import ALL, NONE, QUALITY, TIMED, Documents, documents, everything, make_root, plan_of
from yardstick import identity
from yardstick.catalog import SCORES
from yardstick.shard_paths import Listing


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_root(tmp_path_factory.mktemp("root"))


def wanted_after(change: Callable[[Documents], None], root: Path) -> dict[str, frozenset[str]]:
    """Return model -> metrics that a change makes wanted, starting from a state where all is there."""
    before = everything(plan_of(documents(), root))
    content = documents()
    change(content)
    plan = plan_of(content, root, Listing(dict.fromkeys(before, 1)))
    wanted = everything(plan)
    return {model: frozenset(p.metric for p in wanted if p.model == model) for model in ("changed", "other")}


def set_at(*path: str | int, value: object) -> Callable[[Documents], None]:
    def change(content: Documents) -> None:
        place: Any = content
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return change


FIRST_MODEL = ("models", "models", 0)
MODEL_FIELDS = {
    "id": ("renamed", None),
    "tier": ("local_only", NONE),
    "source": ({"hub": "owner/other", "revision": "0" * 40}, ALL),
    "revision": (None, ALL),
    "dtype": ("bfloat16", ALL),
    "quantization": ("q4_0", ALL),
    "device": ("cuda", ALL),
    "context_length": (1024, ALL),
    "chat_template": (True, QUALITY),
    "parameters": (20, NONE),
    "license": ("apache-2.0", NONE),
    "description": ("Other words.", NONE),
    "memory_mb": (200, NONE),
    "gpus": (2, NONE),
    "allow_remote_code": (True, ALL),
    "allow_pickle": (True, ALL),
}
# Fields that only some backends take are changed below.
SERVER_FIELDS = {"backend", "server"}


@pytest.mark.parametrize("field", [name for name in MODEL_FIELDS if name not in {"id", "revision"}])
def test_a_registry_field_makes_exactly_its_own_model_stale(field: str, root: Path) -> None:
    value, expected = MODEL_FIELDS[field]
    found = wanted_after(set_at(*FIRST_MODEL, field, value=value), root)
    assert found == {"changed": expected, "other": NONE}


def test_another_revision_makes_its_model_stale(root: Path) -> None:
    found = wanted_after(set_at(*FIRST_MODEL, "source", "revision", value="1" * 40), root)
    assert found == {"changed": ALL, "other": NONE}


def test_every_registry_field_is_covered_above() -> None:
    from yardstick.registry import ModelEntry

    assert set(ModelEntry.model_fields) == (MODEL_FIELDS.keys() - {"revision"}) | SERVER_FIELDS


def test_another_backend_makes_its_model_stale(root: Path) -> None:
    assert wanted_after(set_at(*FIRST_MODEL, "backend", value="vllm"), root) == {"changed": ALL, "other": NONE}


def test_arguments_of_a_server_make_its_model_stale_and_its_address_does_not(root: Path) -> None:
    def in_vllm(server: dict[str, object]) -> Documents:
        content = documents()
        content["models"]["models"][0] |= {"backend": "vllm", "server": server}
        return content

    before = everything(plan_of(in_vllm({}), root))
    there = Listing(dict.fromkeys(before, 1))
    assert {p.metric for p in everything(plan_of(in_vllm({"arguments": ["--max-num-seqs", "8"]}), root, there))} == ALL
    # Nothing listens there, so no version is known: the environment differs, the definition does not.
    moved = plan_of(in_vllm({"url": "http://127.0.0.1:9"}), root, there)
    assert {path.definition for path in before} == {path.definition for path in everything(moved)} | {
        path.definition for path in before if path.model == "other"
    }


def test_engine_settings_of_a_machine_make_nothing_stale(root: Path) -> None:
    found = wanted_after(set_at("config", "engines", "vllm", "start_limit_s", value=1), root)
    assert found == {"changed": NONE, "other": NONE}


def test_auto_is_one_definition_and_the_device_is_part_of_the_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = documents()
    content["models"]["models"][0]["device"] = "auto"
    monkeypatch.setattr(identity, "default_device", lambda: "cpu")
    before = everything(plan_of(content, root))
    monkeypatch.setattr(identity, "default_device", lambda: "cuda")
    after = everything(plan_of(content, root, Listing(dict.fromkeys(before, 1))))
    assert {(path.model, path.metric) for path in after} == {("changed", metric) for metric in ALL}
    assert {path.definition for path in after} <= {path.definition for path in before}


PROTOCOL = [
    (("latency", "max_new_tokens"), 51, {"latency"}),
    (("latency", "warmups"), 4, {"latency"}),
    (("latency", "relative_interval"), 0.03, {"latency"}),
    (("latency", "least_requests"), 31, {"latency"}),
    (("latency", "most_requests"), 201, {"latency"}),
    (("latency", "least_s"), 2, {"latency"}),
    (("latency", "most_s"), 301, {"latency"}),
    (("throughput", "max_new_tokens"), 51, {"throughput"}),
    (("throughput", "warmups"), 2, {"throughput"}),
    (("throughput", "relative_interval"), 0.03, {"throughput"}),
    (("throughput", "least_runs"), 7, {"throughput"}),
    (("throughput", "most_runs"), 51, {"throughput"}),
    (("throughput", "least_s"), 2, {"throughput"}),
    (("throughput", "most_s"), 301, {"throughput"}),
    (("concurrency", "max_new_tokens"), 51, {"concurrency"}),
    (("concurrency", "levels"), [1, 2], {"concurrency"}),
    (("concurrency", "rounds"), 4, {"concurrency"}),
    (("concurrency", "least_gain"), 1.1, {"concurrency"}),
    (("concurrency", "most_s"), 301, {"concurrency"}),
    (("long_text", "lengths"), [64, 128], {"long_text"}),
    (("long_text", "new_tokens"), 9, {"long_text"}),
    (("long_text", "requests"), 6, {"long_text"}),
    (("long_text", "generated_tokens"), 511, {"long_text"}),
    (("long_text", "generations"), 3, {"long_text"}),
    (("long_text", "most_s"), 301, {"long_text"}),
    (("memory", "max_new_tokens"), 51, {"memory"}),
    (("memory", "sample_interval_ms"), 11, {"memory"}),
    (("answering", "batch_size"), 9, QUALITY),
    (("answering", "half_width"), 0.1, QUALITY),
    # It means nothing as long as all tasks are answered.
    (("answering", "least_tasks"), 9, NONE),
    (("prompts", 0), "Another prompt.", TIMED),
]


@pytest.mark.parametrize(("path", "value", "expected"), PROTOCOL, ids=[".".join(map(str, p)) for p, *_ in PROTOCOL])
def test_a_protocol_number_makes_exactly_its_metrics_stale(
    path: tuple[str | int, ...], value: object, expected: set[str], root: Path
) -> None:
    found = wanted_after(set_at("config", "protocol", *path, value=value), root)
    assert found == {"changed": frozenset(expected), "other": frozenset(expected)}


def test_every_protocol_number_is_covered_above() -> None:
    protocol = documents()["config"]["protocol"]
    leaves = {(part, key) for part, numbers in protocol.items() if isinstance(numbers, dict) for key in numbers}
    assert leaves | {("prompts", 0)} == {path for path, *_ in PROTOCOL}


OTHER_SETTINGS = [
    (("config", "epoch"), "2026-W30", ALL),
    (("config", "strict"), True, NONE),
    (("threads",), 2, TIMED),
    (("config", "machine"), "elsewhere", TIMED),
]


@pytest.mark.parametrize(("path", "value", "expected"), OTHER_SETTINGS, ids=["epoch", "strict", "threads", "machine"])
def test_settings_beside_the_protocol(path: tuple[str, ...], value: object, expected: set[str], root: Path) -> None:
    found = wanted_after(set_at(*path, value=value), root)
    assert found == {"changed": expected, "other": expected}


SUITE = [
    (("tasks", 0, "question"), "What is 1 plus 1?", QUALITY),
    (("tasks", 0, "id"), "another-name", QUALITY),
    (("base_prompt",), "Q: {question}\nA:", QUALITY),
    (("max_new_tokens",), 33, QUALITY),
    (("tasks", 0, "accept"), ["44"], {SCORES}),
    (("tasks", 0, "reject"), ["45"], {SCORES}),
    (("tasks", 0, "category"), "logic", {SCORES}),
    (("description",), "Other words.", NONE),
]


@pytest.mark.parametrize(("path", "value", "expected"), SUITE, ids=[str(path[-1]) for path, *_ in SUITE])
def test_a_part_of_the_suite_makes_answers_or_scores_stale(
    path: tuple[str | int, ...], value: object, expected: set[str], root: Path
) -> None:
    found = wanted_after(set_at("suite", *path, value=value), root)
    assert found == {"changed": frozenset(expected), "other": frozenset(expected)}


def test_a_base_prompt_means_nothing_to_a_chat_model(root: Path) -> None:
    def as_chat(content: Documents) -> None:
        content["models"]["models"][0]["chat_template"] = True

    content = documents()
    as_chat(content)
    before = everything(plan_of(content, root))
    content["suite"]["base_prompt"] = "Q: {question}\nA:"
    wanted = everything(plan_of(content, root, Listing(dict.fromkeys(before, 1))))
    assert {path.metric for path in wanted if path.model == "changed"} == set()


@pytest.mark.parametrize("package", ["torch", "transformers", "tokenizers", "safetensors"])
def test_a_package_version_makes_everything_stale(package: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(plan_of(documents(), root))
    real = identity.package_version
    monkeypatch.setattr(identity, "package_version", lambda name: "9.9" if name == package else real(name))
    wanted = everything(plan_of(documents(), root, Listing(dict.fromkeys(before, 1))))
    # The old answers keep their scores; the new answers get their own.
    assert {path.metric for path in wanted} == ALL


def test_a_package_that_no_backend_uses_makes_nothing_stale(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = identity.package_version
    monkeypatch.setattr(identity, "package_version", lambda name: "9.9" if name == "pandas" else real(name))
    assert wanted_after(lambda _: None, root) == {"changed": NONE, "other": NONE}


def test_weights_of_an_embedded_model_make_it_stale(root: Path) -> None:
    before = everything(plan_of(documents(), root))
    weights = root / "workflow/resources/embedded/tiny/model.safetensors"
    weights.write_bytes(b"trained again")
    try:
        wanted = everything(plan_of(documents(), root, Listing(dict.fromkeys(before, 1))))
    finally:
        weights.write_bytes(b"weights")
    assert {(path.model, path.metric) for path in wanted} == {("other", metric) for metric in ALL}


def test_the_card_of_an_embedded_model_makes_nothing_stale(root: Path) -> None:
    before = everything(plan_of(documents(), root))
    (root / "workflow/resources/embedded/tiny/README.md").write_text("Other words.")
    assert everything(plan_of(documents(), root, Listing(dict.fromkeys(before, 1)))) == set()


def test_answers_from_another_machine_count_and_timings_do_not(root: Path) -> None:
    before = everything(plan_of(documents(), root))
    elsewhere = {dataclasses.replace(path, machine="elsewhere") for path in before}
    wanted = everything(plan_of(documents(), root, Listing(dict.fromkeys(elsewhere, 1))))
    assert {path.metric for path in wanted} == TIMED


@settings(max_examples=50, deadline=None)
@given(order=st.randoms(use_true_random=False))
def test_the_order_of_keys_changes_no_hash(order: Any) -> None:
    document = {"b": {"y": 1, "x": [1, 2]}, "a": "text", "c": None}
    keys = list(document)
    order.shuffle(keys)
    assert identity.document_hash({key: document[key] for key in keys}) == identity.document_hash(document)


def test_differences_name_the_field_and_both_values() -> None:
    old = {"protocol": {"max_new_tokens": 50, "warmups": 3}, "dtype": "float32"}
    new = {"protocol": {"max_new_tokens": 64, "warmups": 3}, "dtype": "bfloat16", "threads": 2}
    assert list(identity.differences(old, new)) == [
        "dtype float32 -> bfloat16",
        "protocol.max_new_tokens 50 -> 64",
        "threads none -> 2",
    ]
