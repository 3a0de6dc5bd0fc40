"""Which source files make which shards wanted: each is changed alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from identity_world import ALL, NONE, QUALITY, SAMPLED, documents, everything, make_root, plan_of
from working_copy import ROOT
from yardstick import source_code
from yardstick.catalog import BACKENDS, METRICS, SCORES
from yardstick.shard_paths import Listing


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_root(tmp_path_factory.mktemp("root"))


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
