"""Why a model has no row: the same words wherever the leaderboard is built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from leaderboard_world import World, model, suite
from yardstick.leaderboard.document import NotMeasured

LATER = "2026-02-01T00:00:00Z"


def _not_measured(world: World) -> NotMeasured:
    (model,) = world.build().leaderboard.not_measured
    return model


def _metadata(file: Path, content: bytes) -> None:
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.replace_schema_metadata({b"yardstick": content}), file)


def test_a_model_that_was_never_measured_names_the_command(make_world: Callable[..., World]) -> None:
    world = make_world(model("alpha", tier="ci_borderline"))
    assert _not_measured(world).reason == "not measured yet: snakemake --cores 1 ci_borderline"


def test_a_model_that_cannot_be_planned_says_why(make_world: Callable[..., World]) -> None:
    world = make_world(model("alpha", source={"path": "models/alpha"}))
    assert _not_measured(world).reason.startswith("models/alpha: no such model folder")


def test_a_stale_model_names_the_changed_field(world: World) -> None:
    world.write("latency", protocol={"latency": {"max_new_tokens": 40}})
    assert _not_measured(world).reason == "measured before, but stale: protocol.max_new_tokens 40 -> 50"


def test_a_stale_model_is_explained_by_its_newest_shard(world: World) -> None:
    world.write("latency", protocol={"latency": {"max_new_tokens": 40}}, at=LATER)
    world.write("latency", protocol={"latency": {"max_new_tokens": 30}})
    assert "max_new_tokens 40 -> 50" in _not_measured(world).reason


def test_at_most_three_changed_fields_are_named(world: World) -> None:
    world.write(
        "latency", protocol={"latency": {"max_new_tokens": 9, "warmups": 9, "least_requests": 9, "most_s": 9.0}}
    )
    reason = _not_measured(world).reason
    assert (reason.count(" -> "), reason[-10:]) == (3, "and 1 more")


def test_scores_alone_explain_what_changed_in_the_suite(world: World) -> None:
    world.write("reasoning")
    world.suite = suite(9)
    assert "expected.task-9" in _not_measured(world).reason


def test_a_stale_shard_of_another_content_explains_nothing(world: World) -> None:
    path = world.write("latency", protocol={"latency": {"max_new_tokens": 40}})
    _metadata(path.below(world.results), b"[1]")
    assert _not_measured(world).reason == "measured before, but stale: its old results cannot be read"


@pytest.mark.parametrize("definition", [b'{"a": "\\ud800"}', b"[1]", b"null"])
def test_a_forged_stale_shard_stops_nothing(world: World, definition: bytes) -> None:
    path = world.write("latency", protocol={"latency": {"max_new_tokens": 40}})
    forged = b'{"identity": {"definition": ' + definition + b', "environment": {}}, "run": {}}'
    _metadata(path.below(world.results), forged)
    assert _not_measured(world).reason == "measured before, but stale: its old results cannot be read"


def test_a_model_whose_valid_shards_are_broken_says_so(world: World) -> None:
    world.write("memory").below(world.results).write_bytes(b"")
    assert _not_measured(world).reason == "its results cannot be read, see the files that were not read"
