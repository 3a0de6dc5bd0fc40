"""A hub model from fetch to leaderboard: the real workflow and the real client against a hub on loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
from working_copy import ROOT, WorkingCopy

sys.path.insert(0, str(ROOT / "tests/hub"))
from hub_server import COMMIT, Hub

CONFIG = "config.json"
ENTRY = f"""models:
  - id: from-hub
    tier: ci_safe
    backend: transformers
    source: {{hub: tiny/llama, revision: {COMMIT}}}
    dtype: float32
    context_length: 512
    chat_template: true
    parameters: 172352
    license: mit
    description: The smaller embedded model, served by a hub.
    memory_mb: 600
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(ROOT / "workflow/resources/embedded/yardstick-mini").running() as running:
        yield running


@pytest.fixture
def copy(working_copy: WorkingCopy, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> WorkingCopy:
    (working_copy.root / "config/models.yaml").write_text(ENTRY)
    monkeypatch.setattr(working_copy, "hub", hub.endpoint)
    return working_copy


def test_a_hub_model_is_fetched_once_and_measured_with_the_hub_gone(
    copy: WorkingCopy, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy.snakemake("ci_safe")
    assert len(copy.shards()) == 7
    record = json.loads(next((copy.root / "resources/fetched").iterdir()).read_text())
    assert record["revision"] == COMMIT
    fetched = dict(hub.sent)
    copy.edit_yaml("config/config.yaml", protocol__memory__max_new_tokens=9)
    monkeypatch.setattr(copy, "hub", "http://127.0.0.1:9")
    copy.snakemake("ci_safe")
    assert len(copy.shards()) == 8
    assert hub.sent == fetched


def test_a_snapshot_that_is_gone_is_fetched_again(copy: WorkingCopy) -> None:
    copy.snakemake("ci_safe")
    weights = next((copy.root / "hub").rglob("snapshots/*/model.safetensors"))
    weights.unlink()
    copy.edit_yaml("config/config.yaml", protocol__memory__max_new_tokens=9)
    copy.snakemake("ci_safe")
    assert weights.exists()
    assert len(copy.shards()) == 8


@pytest.mark.parametrize(
    ("status", "code", "words"), [(403, "GatedRepo", "licence"), (404, "RevisionNotFound", "revision")]
)
def test_a_model_that_the_hub_refuses_is_left_out_before_anything_starts(
    copy: WorkingCopy, hub: Hub, status: int, code: str, words: str
) -> None:
    hub.fail(CONFIG, times=None, status=status, code=code)
    done = copy.snakemake("ci_safe")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("left out: ")]
    assert line.startswith("left out: from-hub: tiny/llama: ")
    assert words in line
    assert copy.shards() == set()


def test_a_download_that_fails_is_named_once_in_the_summary(copy: WorkingCopy, hub: Hub) -> None:
    hub.fail("model.safetensors", times=None, flip=True)
    done = copy.snakemake("ci_safe", check=False)
    assert done.returncode == 1
    summary = done.stderr[done.stderr.index("wanted results are missing:") :].splitlines()
    assert [line for line in summary if "from-hub" in line] == [summary[1]]
    assert summary[1].startswith("  fetch from-hub: tiny/llama: ")
    assert "Traceback" not in done.stderr
