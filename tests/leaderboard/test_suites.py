"""Suites on the leaderboard: a column each, pass@k, and ranks over what all ranked models were asked."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from leaderboard_world import REPOSITORY, World, make_world_in, model
from yardstick.identity import document_hash
from yardstick.leaderboard.render import render
from yardstick.leaderboard.terminal import terminal_table
from yardstick.plan import Inputs, Plan
from yardstick.shard_paths import ShardPath, list_shards
from yardstick.shards import write_shard
from yardstick.suites.load import load_suites

MODELS = [f"model-{letter}" for letter in "abc"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world_in(tmp_path, *(model(name) for name in MODELS))


def plan(world: World) -> Plan:
    suites = {**load_suites(REPOSITORY / "config/suites"), "reasoning": world.suite}
    return Plan(Inputs(world.root, world.config, world.registry, suites, list_shards(world.results), 1))


def scores(solved: range, n: int = 100, **changes: Any) -> list[dict[str, Any]]:
    row = {"sample": None, "category": "logic", "accepted": [], "rejected": [], "considered": "", "detail": None}
    return [{**row, "task": f"item-{place:03}", "solved": place in solved, **changes} for place in range(n)]


def put(world: World, suite: str, name: str, rows: list[dict[str, Any]], **sampling: Any) -> ShardPath:
    definition = plan(world).score_definition(suite, world.registry[name])
    environment = {"packages": {"torch": "2"}, "python": "3.11", "epoch": ""}
    path = ShardPath(suite, name, "box-a", document_hash(definition), document_hash(environment))
    run = {"measured_at": "2026-01-01T00:00:00Z", "sampling": sampling}
    write_shard(world.results, path, rows, {"definition": definition, "environment": environment}, run)
    return path


def document(world: World) -> dict[str, Any]:
    from yardstick.leaderboard.build import build

    built = build(plan(world))
    assert built.lines == []
    return built.leaderboard.model_dump(mode="json")


def ranks(world: World) -> dict[str, int | None]:
    return {row["model"]: row["rank"] for row in document(world)["rows"]}


def test_each_suite_has_a_column_in_every_form(world: World) -> None:
    world.write_all(MODELS[0])
    put(world, "multi_step", MODELS[0], scores(range(30)))
    put(world, "code", MODELS[0], scores(range(7), 70))
    found = document(world)
    assert list(found["suites"]) == ["reasoning", "code", "multi_step"]
    row = found["rows"][0]
    assert (row["suites"]["multi_step"]["score"], row["suites"]["code"]["n"]) == (0.3, 70)
    from yardstick.leaderboard.document import Leaderboard

    files = render(Leaderboard.model_validate(json.loads(json.dumps(found))))
    (line,) = csv.DictReader(io.StringIO(files["leaderboard.csv"].decode()))
    assert line["suites.multi_step.score"] == "0.3"
    assert float(line["suites.code.interval_low"]) < 0.1 < float(line["suites.code.interval_high"])
    for text in (files["LEADERBOARD.md"].decode(), terminal_table(found)):
        assert "Multi-step" in text
        assert "0.30 [0.22, 0.40]" in text.replace("\\", "")


def test_a_leaderboard_without_other_suites_looks_as_before(world: World) -> None:
    world.write_all(MODELS[0])
    found = document(world)
    assert list(found["suites"]) == ["reasoning"]
    assert "Multi-step" not in terminal_table(found)


def test_the_rank_is_over_what_all_ranked_models_have(world: World) -> None:
    for name, solved in zip(MODELS, (60, 60, 20), strict=True):
        put(world, "multi_step", name, scores(range(solved)))
    assert ranks(world) == {"model-a": 1, "model-b": 1, "model-c": 3}
    # One model's further suite must not move it: the others were not asked.
    put(world, "code", "model-c", scores(range(70), 70))
    assert ranks(world) == {"model-a": 1, "model-b": 1, "model-c": 3}
    assert {name for name, suite in document(world)["suites"].items() if suite["is_ranked"]} == {"multi_step"}
    # Once all were asked, it counts.
    put(world, "code", "model-a", scores(range(0), 70))
    put(world, "code", "model-b", scores(range(70), 70))
    assert ranks(world) == {"model-a": 3, "model-b": 1, "model-c": 2}
    assert {name for name, suite in document(world)["suites"].items() if suite["is_ranked"]} == {"multi_step", "code"}


def test_a_model_without_the_suite_that_most_have_has_no_rank(world: World) -> None:
    put(world, "multi_step", "model-a", scores(range(60)))
    put(world, "multi_step", "model-b", scores(range(10)))
    put(world, "code", "model-c", scores(range(70), 70))
    assert ranks(world) == {"model-a": 1, "model-b": 2, "model-c": None}


def test_where_answering_ended_early_only_tasks_of_both_are_compared(world: World) -> None:
    # Over all its own tasks the second is far better; over the shared ones they are equal.
    put(world, "multi_step", "model-a", scores(range(10), 40), stopped_by="interval", relative_interval=None)
    put(
        world,
        "multi_step",
        "model-b",
        scores(range(10), 40) + [{**row, "solved": True} for row in scores(range(0), 100)[40:]],
    )
    assert ranks(world) == {"model-a": 1, "model-b": 1}


def test_pass_at_k_is_the_unbiased_estimate(world: World) -> None:
    rows = []
    for task, right in (("item-a", 1), ("item-b", 0), ("item-c", 4)):
        for sample in [None, 1, 2, 3, 4]:
            (row,) = scores(range(sample is not None and sample <= right), 1, task=task, sample=sample)
            rows.append(row)
    put(world, "code", "model-a", rows)
    (row,) = document(world)["rows"]
    assert row["suites"]["code"]["score"] == 0
    assert row["suites"]["code"]["pass_at"] == pytest.approx(
        {"1": (0.25 + 0 + 1) / 3, "2": (0.5 + 0 + 1) / 3}, rel=1e-5
    )


@pytest.mark.parametrize(
    "rows",
    [
        scores(range(1), 2, task="item-a"),
        [{**row, "sample": 1} for row in scores(range(1), 2)],
    ],
    ids=["a task twice", "no greedy answer"],
)
def test_scores_that_no_run_yields_are_not_read(world: World, rows: list[dict[str, Any]]) -> None:
    from yardstick.leaderboard.build import build

    put(world, "multi_step", "model-a", rows)
    built = build(plan(world))
    assert built.leaderboard.rows == []
    assert "it has not one greedy answer to each task" in built.lines[0]
