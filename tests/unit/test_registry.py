"""The registry: each rule, and the line that a mistake gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick.errors import YardstickError
from yardstick.registry import TIERS, ModelEntry, load_registry, parse_registry, select

ENTRY: dict[str, Any] = {
    "id": "good",
    "tier": "ci_safe",
    "backend": "transformers",
    "source": {"hub": "owner/name", "revision": "0" * 40},
    "dtype": "float32",
    "context_length": 512,
    "chat_template": False,
    "parameters": 10,
    "license": "mit",
    "description": "A model.",
    "memory_mb": 100,
}


def mistake(*entries: dict[str, Any]) -> str:
    with pytest.raises(YardstickError) as raised:
        parse_registry({"models": list(entries)}, file="models.yaml")
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value)


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in ENTRY.items() if key != field}


def test_the_shipped_registry_is_valid_and_keeps_the_order_of_its_file() -> None:
    registry = load_registry(ROOT / "config/models.yaml")
    assert next(iter(registry)) == "yardstick-mini"
    assert {entry.tier for entry in registry.values()} == set(TIERS)


WRONG = [
    ("id", "Upper", "unique name"),
    ("id", "../up", "unique name"),
    ("id", "a/b", "unique name"),
    ("id", "a..b", "unique name"),
    ("id", "", "unique name"),
    ("id", "x" * 65, "unique name"),
    ("tier", "huge", "ci_safe, ci_borderline or local_only"),
    ("backend", "jan", "engine that runs the model"),
    ("dtype", "int8", "number format"),
    ("device", "tpu", "cpu, cuda or mps"),
    ("context_length", 8, "longest context in tokens"),
    ("context_length", "512", "longest context in tokens"),
    ("chat_template", "yes", "true: ask through"),
    ("parameters", 0, "number of parameters"),
    ("parameters", 1.5, "number of parameters"),
    ("license", "", "licence identifier"),
    ("description", "", "one or two sentences"),
    ("memory_mb", True, "memory needed"),
]


@pytest.mark.parametrize(("field", "value", "expected"), WRONG)
def test_a_wrong_value_names_entry_field_and_expectation(field: str, value: object, expected: str) -> None:
    line = mistake({**ENTRY, field: value})
    assert line.startswith("models.yaml: entry 1")
    assert f"{field}: {repr(value)[:50]}" in line
    assert " is not valid (" in line
    assert f"; expected: {expected}" in line


@pytest.mark.parametrize("field", [name for name, field in ModelEntry.model_fields.items() if field.is_required()])
def test_a_missing_field_is_named(field: str) -> None:
    assert f"{field}: is missing; add it; expected: " in mistake(without(field))


def test_the_second_entry_is_named_by_its_id() -> None:
    assert mistake(ENTRY, {**ENTRY, "id": "bad", "tier": 5}).startswith("models.yaml: entry 2 (bad): tier: 5 ")


def test_an_unknown_field_is_refused() -> None:
    assert "entry 1 (good): memory: is not a known field" in mistake({**ENTRY, "memory": 5})


def test_an_id_given_twice_is_named() -> None:
    assert "the id 'good' is given to more than one entry; ids are unique, rename one" in mistake(ENTRY, ENTRY)


def test_a_missing_dtype_names_the_values_to_choose_from() -> None:
    line = mistake(without("dtype"))
    assert "entry 1 (good)" in line
    assert "add dtype: float32, bfloat16 or float16" in line


SOURCES = [
    ({"hub": "name-without-owner", "revision": "0" * 40}, "source.hub"),
    ({"hub": "owner/../name", "revision": "0" * 40}, "source.hub"),
    ({"hub": "owner/name", "revision": "main"}, "source.revision"),
    ({"hub": "owner/name", "revision": "0" * 39}, "source.revision"),
    ({"hub": "owner/name"}, "source.revision"),
    ({"hub": "owner/name", "revision": "0" * 40, "path": "models/x"}, "source.path"),
    ({"path": "../outside"}, "source.path"),
    ({"path": "models/../../outside"}, "source.path"),
    ({"path": "/etc"}, "source.path"),
    ({"path": ""}, "source.path"),
    ({"embedded": "../other"}, "source.embedded"),
    ({"embedded": "a/b"}, "source.embedded"),
    ({"ollama": "mistral"}, "source.ollama"),
]


@pytest.mark.parametrize(("source", "field"), SOURCES)
def test_a_wrong_source_names_the_field_within_it(source: dict[str, str], field: str) -> None:
    assert f"entry 1 (good): {field}: " in mistake({**ENTRY, "source": source})


def test_a_path_that_leaves_the_repository_says_so() -> None:
    assert "the path leaves the repository" in mistake({**ENTRY, "source": {"path": "../outside"}})


@pytest.mark.parametrize("source", [{}, {"git": "x"}, None, "owner/name", []])
def test_an_unknown_kind_of_source_names_the_kinds(source: object) -> None:
    assert "name exactly one of hub, path, embedded, ollama" in mistake({**ENTRY, "source": source})


@pytest.mark.parametrize(
    ("backend", "source"), [("ollama", ENTRY["source"]), ("transformers", {"ollama": "mistral:7b"})]
)
def test_a_backend_that_does_not_fit_its_source_is_refused(backend: str, source: object) -> None:
    assert "an ollama source needs backend: ollama" in mistake({**ENTRY, "backend": backend, "source": source})


@settings(max_examples=300)
@given(name=st.text(max_size=20) | st.from_regex(r"[a-z0-9./\\_-]{1,12}", fullmatch=True))
def test_an_accepted_id_is_one_plain_folder_name(name: str) -> None:
    try:
        (accepted,) = parse_registry({"models": [{**ENTRY, "id": name}]}, file="models.yaml")
    except YardstickError:
        return
    assert accepted not in {"", ".", ".."}
    assert set(accepted) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
FIELDS = st.sampled_from([*ModelEntry.model_fields, "hub", "path", "revision", "embedded", "ollama"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS | st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(changes=st.dictionaries(FIELDS, VALUES, max_size=3))
def test_an_entry_with_arbitrary_values_is_accepted_or_refused_in_one_line(changes: dict[str, Any]) -> None:
    line = "models.yaml: accepted"
    try:
        parse_registry({"models": [{**ENTRY, **changes}]}, file="models.yaml")
    except YardstickError as error:
        line = str(error)
    assert len(line.splitlines()) == 1
    assert line.startswith("models.yaml: ")


@settings(max_examples=100, deadline=None)
@given(data=VALUES)
def test_an_arbitrary_document_is_refused_in_one_line(data: Any) -> None:
    with pytest.raises(YardstickError, match=r"\Amodels\.yaml: .*\Z"):
        parse_registry(data, file="models.yaml")


def registry_of(**tiers: str) -> dict[str, ModelEntry]:
    entries = [{**ENTRY, "id": name, "tier": tier} for name, tier in tiers.items()]
    return parse_registry({"models": entries}, file="models.yaml")


def test_select_takes_the_tiers_in_the_order_of_the_file() -> None:
    registry = registry_of(c="local_only", b="ci_safe", a="ci_safe")
    assert [entry.id for entry in select(registry, tiers=["ci_safe"])] == ["b", "a"]


def test_select_narrows_a_tier_by_names() -> None:
    registry = registry_of(c="local_only", b="ci_safe", a="ci_safe")
    assert [entry.id for entry in select(registry, tiers=["ci_safe"], names=["c", "a"])] == ["a"]


def test_select_refuses_a_name_that_is_not_registered_and_lists_the_others() -> None:
    with pytest.raises(YardstickError, match=r"no model 'x' in the registry; choose from: a, b"):
        select(registry_of(a="ci_safe", b="ci_safe"), tiers=TIERS, names=["a", "x"])


HUB = {"hub": "owner/name", "revision": "0" * 40}
SERVED = {"served": "tiny"}
URL = {"url": "http://127.0.0.1:8000"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"backend": "openai", "source": SERVED}, "a served source needs backend openai, vllm or trtllm, and server"),
        ({"backend": "transformers", "source": SERVED}, "a served source needs backend openai, vllm or trtllm"),
        ({"backend": "openai", "source": HUB, "server": URL}, "backend openai talks to a running server; give source"),
        ({"backend": "transformers", "server": URL}, "backend transformers takes no server; remove it"),
        ({"backend": "llama_cpp", "source": HUB}, "backend llama_cpp needs the name of a GGUF file (source.file)"),
        ({"backend": "vllm", "source": HUB | {"file": "a.gguf"}}, "other backends take the whole repository"),
        ({"backend": "vllm", "source": HUB, "dtype": None}, "backend vllm needs a dtype; add dtype"),
        ({"backend": "vllm", "source": HUB, "server": URL | {"arguments": ["--x"]}}, "remove them or the url"),
    ],
)
def test_what_does_not_fit_together_is_named_with_the_remedy(changes: dict[str, object], expected: str) -> None:
    assert expected in mistake({**ENTRY, **changes})


@pytest.mark.parametrize("argument", ["--host", "--port=80", "--api-key"])
def test_a_server_stays_on_loopback_whatever_its_arguments(argument: str) -> None:
    server = {"arguments": [argument]}
    assert "is set by Yardstick, which keeps servers on loopback" in mistake(
        {**ENTRY, "backend": "vllm", "source": HUB, "server": server}
    )


@pytest.mark.parametrize(
    "url", ["ftp://a", "http://user:secret@a", "http://a/v1", "http://a b", "a:80", "http://a:123456"]
)
def test_an_address_is_a_host_and_a_port_and_nothing_else(url: str) -> None:
    assert "address of a server that runs already" in mistake(
        {**ENTRY, "backend": "openai", "source": SERVED, "server": {"url": url}}
    )


@pytest.mark.parametrize("file", ["../a.gguf", "a/b.gguf", ".gguf", "a.bin"])
def test_the_file_of_a_repository_is_a_plain_gguf(file: str) -> None:
    assert "the one GGUF file" in mistake({**ENTRY, "backend": "llama_cpp", "source": HUB | {"file": file}})


@pytest.mark.parametrize("digest", ["0" * 11, "0" * 65, "sha256:" + "0" * 12, "G" * 12])
def test_a_digest_is_twelve_to_sixty_four_hex_digits(digest: str) -> None:
    source = {"ollama": "mistral:7b", "digest": digest}
    assert "the model's digest" in mistake({**ENTRY, "backend": "ollama", "source": source})
