"""Which inputs make which shards wanted: each is changed alone, and exactly the expected shards must follow."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick import identity, source_code
from yardstick.catalog import ANSWERS, BACKENDS, METRICS, SCORES
from yardstick.config import parse_config
from yardstick.plan import Inputs, Plan
from yardstick.registry import parse_registry
from yardstick.shard_paths import Listing, ShardPath
from yardstick.suites.suite import Suite

MEASURED = frozenset({ANSWERS, *(name for name, metric in METRICS.items() if metric.suite is None)})
TIMED = frozenset({"latency", "throughput", "memory", "concurrency", "long_text"})
SAMPLED = frozenset({"latency", "throughput", "concurrency", "long_text"})
ALL = MEASURED | {SCORES}
QUALITY = frozenset({ANSWERS, SCORES})
NONE: frozenset[str] = frozenset()

Documents = dict[str, Any]


def documents() -> Documents:
    """Return the shipped settings and suite, and a small registry with every kind of source that can be planned."""
    base = {
        "tier": "ci_safe",
        "backend": "transformers",
        "dtype": "float32",
        "context_length": 512,
        "chat_template": False,
        "parameters": 10,
        "license": "mit",
        "description": "A model.",
        "memory_mb": 100,
    }
    models = [
        {**base, "id": "changed", "source": {"hub": "owner/name", "revision": "0" * 40}},
        {**base, "id": "other", "source": {"embedded": "tiny"}},
    ]
    return {
        "config": yaml.safe_load((ROOT / "config/config.yaml").read_text())
        | {"machine": "here", "suites": ["reasoning"]},
        "suite": yaml.safe_load((ROOT / "config/suites/reasoning.yaml").read_text()),
        "models": {"models": models},
        "threads": 1,
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository's root with one embedded model."""
    folder = tmp_path_factory.mktemp("root")
    model = folder / "workflow/resources/embedded/tiny"
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(b"weights")
    (model / "README.md").write_text("A card.")
    return folder


def plan_of(content: Documents, root: Path, listing: Listing | None = None) -> Plan:
    inputs = Inputs(
        root=root,
        config=parse_config(content["config"], file="config.yaml"),
        registry=parse_registry(content["models"], file="models.yaml"),
        suites={"reasoning": Suite.model_validate(content["suite"])},
        listing=listing or Listing(),
        threads=content["threads"],
    )
    return Plan(inputs)


def everything(plan: Plan) -> set[ShardPath]:
    """Return all shards that a plan with no results wants."""
    measured = [path for entry in plan.inputs.registry.values() for path in plan.wanted_measurements(entry)]
    return {*measured, *plan.wanted_scores(measured)}


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


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the source that identities are computed from."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(source_code, "SCRIPTS", tmp_path / "scripts")
    source_code.closure_hashes.cache_clear()
    yield tmp_path / "scripts/yardstick"
    source_code.closure_hashes.cache_clear()


CLOSURES = {
    "metrics/latency.py": {"latency"},
    "metrics/throughput.py": {"throughput"},
    "metrics/memory.py": {"memory"},
    "metrics/memory_sampler.py": {"memory", "long_text"},
    "metrics/memory_watcher.py": {"memory", "long_text"},
    "metrics/long_text.py": {"long_text"},
    "metrics/answers.py": QUALITY,
    "metrics/batching.py": QUALITY,
    "metrics/concurrency.py": {"concurrency"},
    "metrics/timing.py": SAMPLED,
    "metrics/observations.py": ALL,
    "metrics/__init__.py": ALL,
    "backends/transformers.py": ALL,
    "backends/likelihoods.py": ALL,
    "backends/stop_texts.py": ALL,
    "backends/greedy_decoding.py": ALL,
    "backends/prefill.py": ALL,
    "backends/base.py": ALL,
    "errors.py": ALL,
    "suites/keyword_match.py": {SCORES},
    "suites/items.py": {SCORES},
    "suites/suite.py": NONE,
    "suites/base.py": NONE,
    "suites/load.py": NONE,
    "stopping.py": NONE,
    "journal.py": NONE,
    "scoring.py": NONE,
    "plan.py": NONE,
    "identity.py": NONE,
    "shards.py": NONE,
    "measuring.py": NONE,
    "leaderboard/build.py": NONE,
    "statistics.py": NONE,
    "registry.py": NONE,
    "engine_facts.py": NONE,
    "engine_checks.py": NONE,
    "model_spec.py": NONE,
}
# Other backends -> the files of backends/ that only they use.
OTHER_BACKENDS = {
    "llama_cpp": {"llama_cpp.py"},
    "ollama": {"ollama.py"},
    "openai": {"openai_server.py"},
    "vllm": {"vllm.py"},
    "trtllm": {"trtllm.py"},
}
SHARED_BY_SERVERS = {"server_engine.py", "http_client.py", "managed_openai.py", "managed_server.py", "server_guard.py"}


@pytest.mark.parametrize("file", CLOSURES)
def test_source_makes_stale_what_it_measures_and_a_comment_makes_nothing_stale(
    file: str, source: Path, root: Path
) -> None:
    before = everything(plan_of(documents(), root))
    text = (source / file).read_text()
    for addition, expected in (("\n# A comment.\n\n\n", set()), ("\n_CHANGED = True\n", CLOSURES[file])):
        (source / file).write_text(text + addition)
        source_code.closure_hashes.cache_clear()
        wanted = everything(plan_of(documents(), root, Listing(dict.fromkeys(before, 1))))
        assert {path.metric for path in wanted} == set(expected)


def test_all_files_under_metrics_and_backends_are_covered_above() -> None:
    package = ROOT / "scripts/yardstick"
    files = {
        path.relative_to(package).as_posix()
        for part in ("metrics", "backends")
        for path in package.glob(f"{part}/*.py")
    }
    others = set().union(*OTHER_BACKENDS.values(), SHARED_BY_SERVERS)
    assert files == {name for name in CLOSURES if name.startswith(("metrics/", "backends/"))} | {
        "backends/__init__.py",
        *(f"backends/{name}" for name in others),
    }


@pytest.mark.parametrize("backend", OTHER_BACKENDS)
def test_a_backend_depends_on_its_own_file_and_not_on_other_backends(backend: str) -> None:
    closure = {path.name for path in source_code.import_closure(BACKENDS[backend].module)}
    foreign = set().union(*(files for name, files in OTHER_BACKENDS.items() if name != backend)) | {"transformers.py"}
    if backend in ("vllm", "trtllm"):
        foreign -= {"openai_server.py"}
    assert closure >= OTHER_BACKENDS[backend]
    assert not closure & foreign


def test_a_program_that_is_only_named_counts_too() -> None:
    """A program that is started, not imported as such, is part of the measurement as well."""
    assert "server_guard.py" in {path.name for path in source_code.import_closure(BACKENDS["vllm"].module)}


def test_measuring_code_imports_nothing_that_stores_plans_or_reports() -> None:
    closure = {
        path.relative_to(ROOT / "scripts/yardstick").as_posix()
        for part in (*METRICS.values(), *BACKENDS.values())
        for path in source_code.import_closure(part.module)
    }
    assert {path for path in closure if not path.startswith(("metrics/", "backends/"))} == {"__init__.py", "errors.py"}


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
