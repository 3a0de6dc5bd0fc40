"""The file of a harness suite, which every run reads, whether or not lm-eval is installed."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from working_copy import ROOT, SCRIPTS
from yardstick.errors import YardstickError
from yardstick.suite_checks import suite_refusal
from yardstick.suites import harness
from yardstick.suites.harness import HarnessSuite
from yardstick.suites.items import Asked
from yardstick.suites.load import read_suite

PINNED: dict[str, Any] = {
    "lm_eval": "0.4.13",
    "versions": {"arc_easy": "1.0"},
    "folders": ["arc"],
    "datasets": ["allenai/ai2_arc"],
    "num_fewshot": {"arc_easy": 0},
    "metric": "acc_norm",
    "filter": "none",
    "items": 2376,
    "max_new_tokens": 31,
    "prompts": "a" * 16,
    "chat_prompts": "b" * 16,
    "expected": "c" * 16,
}
FILE = {"kind": "lm_eval", "name": "arc", "description": "Science.", "task": "arc_easy", "pinned": PINNED}


def suite(tmp_path: Path, **changes: Any) -> HarnessSuite:
    path = tmp_path / "arc.yaml"
    path.write_text(yaml.safe_dump({**FILE, **changes}))
    found = read_suite(path)
    assert isinstance(found, HarnessSuite)
    return found


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(harness.importlib.metadata, "version", lambda name: "0.4.13")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))


def test_without_lm_eval_the_line_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(harness.importlib.metadata, "version", version)
    line = "needs the Python package lm-eval, which is not installed; run: make harness"
    assert suite_refusal(suite(tmp_path)) == suite_refusal(suite(tmp_path, pinned=None)) == line


@pytest.mark.usefixtures("_installed")
def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    assert suite_refusal(suite(tmp_path, pinned=None)) == "its task is not pinned yet; run: make pin-suite SUITE=arc"
    missing = "the data set allenai/ai2_arc is not on this machine; run: make pin-suite SUITE=arc"
    assert suite_refusal(suite(tmp_path)) == missing
    (tmp_path / "cache/allenai___ai2_arc").mkdir(parents=True)
    assert suite_refusal(suite(tmp_path)) is None
    camel = suite(tmp_path, pinned={**PINNED, "datasets": ["TIGER-Lab/MMLUPro"]})
    (tmp_path / "cache/TIGER-Lab___mmlu_pro").mkdir()
    assert suite_refusal(camel) is None


def test_readers_are_told_the_standard_name_and_its_version(tmp_path: Path) -> None:
    found = suite(tmp_path, limit=100)
    assert found.heading == "arc_easy (acc_norm)"
    assert found.about == (
        "Science. (lm-evaluation-harness 0.4.13: arc_easy, version 1.0, 0-shot, first 100 items of each, acc_norm, filter none.)"
    )
    assert suite(tmp_path, title="ARC").heading == "ARC"


def test_planning_reads_hashes_and_imports_nothing(tmp_path: Path) -> None:
    found = suite(tmp_path)
    assert found.answers_document(Asked(is_chat=False))["prompts"] == PINNED["prompts"]
    assert found.answers_document(Asked(is_chat=True))["prompts"] == PINNED["chat_prompts"]
    assert found.max_new_tokens == 31
    assert suite(tmp_path, max_new_tokens=5).max_new_tokens == 5
    code = (
        "import sys; from pathlib import Path; from yardstick.suites.load import read_suite\n"
        "from yardstick.suites.items import Asked\n"
        f"suite = read_suite(Path({str(tmp_path / 'arc.yaml')!r}))\n"
        "suite.answers_document(Asked(False)), suite.expected_document(Asked(False)), suite.machine_refusal()\n"
        "assert not {'lm_eval', 'datasets', 'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(SCRIPTS), "PATH": ""})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"task": ""}, "task: '' is not valid"),
        ({"limit": 0}, "limit: 0 is not valid"),
        ({"base_prompt": "Q: {question}"}, "base_prompt: 'Q: {question}' is not valid"),
        ({"pinned": {"lm_eval": "1"}}, "is missing; add it"),
        ({"tasks": ["arc_easy"]}, "tasks: is not a known field"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(changes: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(YardstickError) as raised:
        suite(tmp_path, **changes)
    assert expected in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("reasoning", "kind: only suites of kind lm_eval are pinned"), ("nowhere", "nowhere.yaml: no such file")],
)
def test_only_files_of_this_kind_are_pinned(name: str, expected: str) -> None:
    command = [sys.executable, str(SCRIPTS / "pin_suite.py"), name, "--offline"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.startswith("error: ")
    assert expected in done.stderr
