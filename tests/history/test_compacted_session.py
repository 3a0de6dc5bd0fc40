"""A run takes compacted results for what they are: none is wanted again, and answers can still be scored."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from history_world import KNOWN
from working_copy import WorkingCopy
from yardstick.catalog import ANSWERS, MAIN_SUITE, METRICS
from yardstick.history.compaction import compact
from yardstick.paths import RESULTS
from yardstick.session import Session
from yardstick.shard_paths import ShardPath
from yardstick.shards import read_shard, write_shard
from yardstick.status import status_lines


def session(**settings: object) -> Session:
    content = yaml.safe_load(Path("config/config.yaml").read_text())
    return Session({**content, **settings}, cores=1, say=print)


def measure_everything(epoch: str, at: str) -> list[ShardPath]:
    """Write a shard without rows for each metric of one model, and return the paths."""
    plan = session(epoch=epoch).plan
    entry = plan.inputs.registry[KNOWN]
    for metric in METRICS:
        write_shard(
            RESULTS, plan.path(metric, entry), [], plan.identity(metric, entry).as_document(), {"measured_at": at}
        )
    return [plan.path(metric, entry) for metric in METRICS]


@pytest.fixture
def compacted(working_copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch) -> list[ShardPath]:
    """A working copy whose results of the empty epoch are in the history; their paths."""
    monkeypatch.chdir(working_copy.root)
    old = measure_everything("", "2026-01-01T00:00:00Z")
    measure_everything("later", "2026-01-02T00:00:00Z")
    done = compact(session().plan, RESULTS, print)
    assert done.shards == len(old)
    assert not any(path.below(RESULTS).exists() for path in old)
    return old


def test_nothing_compacted_is_wanted_again(compacted: list[ShardPath]) -> None:
    plan = session().plan
    entry = plan.inputs.registry[KNOWN]
    assert plan.wanted_measurements(entry) == []
    lines = list(status_lines(plan, [entry], RESULTS))
    suites = [line.split()[1] for line in lines if line.startswith("wanted")]
    assert suites == list(plan.inputs.config.suites)
    assert sum(line.startswith("up to date") for line in lines) == len(plan.metrics(entry))


def test_status_tells_what_changed_since_a_compacted_result(compacted: list[ShardPath]) -> None:
    shutil.rmtree(RESULTS)
    plan = session(epoch="third").plan
    entry = plan.inputs.registry[KNOWN]
    metrics = plan.metrics(entry)
    lines = list(status_lines(plan, [entry], RESULTS))
    assert lines[: len(metrics)] == [f'wanted      {metric} {KNOWN}: epoch "" -> third' for metric in metrics]


def test_compacted_answers_come_back_as_a_file_when_they_are_to_be_scored(compacted: list[ShardPath]) -> None:
    answers = next(path for path in compacted if path.metric == ANSWERS)
    content = read_shard(RESULTS, answers)
    run = session()
    file = run.answers_of(suite=MAIN_SUITE, model=KNOWN, machine=answers.machine, environment=answers.environment)
    assert file == str(answers.below(RESULTS))
    assert Path(file).exists()
    assert read_shard(RESULTS, answers) == content
    # The run's lock compares what is listed now with what was when the run began.
    assert session().plan.inputs.listing.sizes == run.plan.inputs.listing.sizes
