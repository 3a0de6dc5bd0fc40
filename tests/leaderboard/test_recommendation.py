"""Tests of the chooser: limits, the best trade-offs, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leaderboard_world import World, make_world_in, model
from yardstick.config import Config
from yardstick.leaderboard.choosing import GOALS, LATENCY, MEMORY, SCORE, SPEED, Limit, best_tradeoffs, kept, limits_of
from yardstick.leaderboard.document import Row
from yardstick.leaderboard.recommendation import recommendation

HERE = "box-a"
MakeRow = Callable[..., Row]


def changed(row: Row, name: str, *, score: float, speed: float, needed_mb: float, **changes: Any) -> Row:
    """Return a row with other numbers."""
    assert row.reasoning
    assert row.throughput
    assert row.memory
    parts = {
        "reasoning": row.reasoning.model_copy(update={"score": score}),
        "throughput": row.throughput.model_copy(update={"tokens_per_s": speed}),
        "memory": row.memory.model_copy(update={"needed_mb": needed_mb}),
    }
    return row.model_copy(update={"model": name, "rank": None, **parts, **changes})


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Row:
    """Return a row in which everything is measured."""
    world = make_world_in(tmp_path_factory.mktemp("template"), model("alpha"))
    world.write_all()
    return world.row()


@pytest.fixture(scope="module")
def three(template: Row) -> list[Row]:
    """Return a good, a quick and a middling model that is worse than the quick one in everything."""
    return [
        changed(template, "good", score=0.9, speed=10, needed_mb=4000, rank=1),
        changed(template, "quick", score=0.6, speed=100, needed_mb=500, rank=1),
        changed(template, "beaten", score=0.5, speed=50, needed_mb=600, rank=3),
    ]


def test_models_that_are_worse_in_everything_are_not_worth_running(three: list[Row]) -> None:
    assert [row.model for row in best_tradeoffs(three)] == ["good", "quick"]


def test_two_that_are_equal_in_everything_are_both_kept(three: list[Row]) -> None:
    twin = three[0].model_copy(update={"model": "twin"})
    assert [row.model for row in best_tradeoffs([three[0], twin])] == ["good", "twin"]


numbers = st.lists(
    st.tuples(st.integers(0, 10), st.integers(1, 20), st.integers(1, 20)),
    min_size=1,
    max_size=12,
)


@given(numbers=numbers)
def test_whoever_is_left_out_is_beaten_by_one_who_is_kept(template: Row, numbers: list[tuple[int, int, int]]) -> None:
    rows = [
        changed(template, f"m{place}", score=score / 10, speed=speed, needed_mb=needed)
        for place, (score, speed, needed) in enumerate(numbers)
    ]
    best = best_tradeoffs(rows)
    assert best
    for row in rows:
        no_worse = [all(goal.gain(other) >= goal.gain(row) for goal in GOALS) for other in best]
        assert any(no_worse)
    for row in best:
        assert not any(all(goal.gain(other) > goal.gain(row) for goal in GOALS) for other in rows)


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (Limit("memory_gb", 0.5, MEMORY, 1000), ["quick"]),
        (Limit("memory_gb", 0.6, MEMORY, 1000), ["quick", "beaten"]),
        (Limit("min_reasoning", 0.6, SCORE), ["good", "quick"]),
        (Limit("min_tokens_per_s", 50, SPEED), ["quick", "beaten"]),
        (Limit("max_latency_s", 0.01, LATENCY), []),
    ],
)
def test_a_limit_keeps_the_bound_itself(three: list[Row], limit: Limit, left: list[str]) -> None:
    assert [row.model for row in kept(three, [limit])] == left


@pytest.mark.parametrize("part", ["reasoning", "throughput", "memory"])
def test_what_was_not_measured_keeps_no_limit(three: list[Row], part: str) -> None:
    row = three[0].model_copy(update={part: None})
    limits = {
        "reasoning": Limit("min_reasoning", 0, SCORE),
        "throughput": Limit("min_tokens_per_s", 0, SPEED),
        "memory": Limit("memory_gb", 1e9, MEMORY, 1000),
    }
    assert kept([row], [limits[part]]) == []


def test_the_median_is_the_typical_latency_and_the_mean_where_there_is_none(template: Row) -> None:
    assert template.latency
    assert LATENCY.of(template) == template.latency.p50_s
    few = template.model_copy(update={"latency": template.latency.model_copy(update={"p50_s": "n/a (3<5)"})})
    assert LATENCY.of(few) == template.latency.mean_s


def test_settings_become_limits(world: World) -> None:
    document = world.config.model_dump(mode="json")
    config = Config.model_validate({**document, "memory_gb": 8, "max_latency_s": 2})
    assert [(limit.setting, limit.bound, limit.scale) for limit in limits_of(config)] == [
        ("memory_gb", 8, 1000),
        ("max_latency_s", 2, 1),
    ]


def test_each_is_named_with_its_trade_off(three: list[Row]) -> None:
    text = recommendation(three, HERE, [Limit("memory_gb", 8, MEMORY, 1000)])
    assert text.splitlines()[0] == ("3 of 3 results measured on box-a keep memory_gb=8; these 2 are worth running:")
    assert "best score; 10.0× slower than and 8.00× the memory of quick" in text
    assert "fastest and least memory; score 0.30 lower (a shared rank) than good" in text
    assert text.splitlines()[-1] == "No better in anything than one of these: beaten"


def test_one_that_is_best_in_everything_needs_no_comparison(three: list[Row]) -> None:
    assert "best in score, speed and memory" in recommendation(three[1:], HERE, [])


def test_results_of_this_machine_count_alone(three: list[Row]) -> None:
    elsewhere = three[0].model_copy(update={"machine": "box-b"})
    assert "1 result measured on box-a" in recommendation([three[1], elsewhere], HERE, [])
    assert "1 result measured on other machines (none on box-a)" in recommendation([elsewhere], HERE, [])


def test_a_model_of_two_machines_is_named_with_each(three: list[Row]) -> None:
    elsewhere = changed(three[0], "good", score=0.9, speed=20, needed_mb=5000, machine="box-b")
    text = recommendation([three[0], elsewhere], "box-c", [])
    assert "good on box-a ×1" in text
    assert "good on box-b ×1" in text


def test_flags_and_missing_parts_are_told(three: list[Row]) -> None:
    busy = three[0].model_copy(update={"flags": ["busy"]})
    partial = three[1].model_copy(update={"memory": None})
    text = recommendation([busy, partial], HERE, [])
    assert "good (busy)" in text
    assert "Not measured in full, so not judged: quick" in text


def test_limits_that_nothing_keeps_say_what_each_leaves(three: list[Row]) -> None:
    limits = [Limit("memory_gb", 0.1, MEMORY, 1000), Limit("min_reasoning", 0.6, SCORE)]
    assert recommendation(three, HERE, limits).splitlines() == [
        "0 of 3 results measured on box-a keep memory_gb=0.1, min_reasoning=0.6.",
        "  memory_gb=0.1 alone leaves 0 of 3; the nearest is quick with 0.5",
        "  min_reasoning=0.6 alone leaves 2 of 3",
    ]


def test_without_any_result_it_says_how_to_get_some() -> None:
    assert "snakemake --cores 1 ci_safe" in recommendation([], HERE, [])


def test_only_incomplete_rows_are_no_choice(three: list[Row]) -> None:
    partial = three[1].model_copy(update={"memory": None})
    text = recommendation([partial], HERE, [Limit("min_reasoning", 0.1, SCORE)])
    assert text.splitlines()[-1] == "Not measured in full, so not judged: quick"
    assert "worth running" not in text
