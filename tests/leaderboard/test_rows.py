"""Shards become rows: which of them count, and how they are grouped, ranked, flagged and summed up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from leaderboard_world import World, model, requests, runs, scores, sizes

LATER = "2026-02-01T00:00:00Z"


def test_a_row_holds_quality_speed_and_memory(world: World) -> None:
    world.write_all()
    row = world.row()
    assert all([row.latency, row.ttft, row.throughput, row.memory])
    assert row.reasoning is not None
    assert (row.reasoning.solved, row.reasoning.n, row.reasoning.score) == (6, 10, 0.6)
    assert row.missing == []


def test_score_has_a_wilson_interval_and_categories(world: World) -> None:
    world.write("reasoning", rows=scores(world, solved=5))
    reasoning = world.row().reasoning
    assert reasoning is not None
    assert [round(end, 2) for end in reasoning.interval] == [0.24, 0.76]
    assert {name: (part.solved, part.n) for name, part in reasoning.by_category.items()} == {
        "arithmetic": (2, 3),
        "common_sense": (1, 2),
        "logic": (1, 3),
        "sequence": (1, 2),
    }


def test_latency_is_in_seconds(world: World) -> None:
    world.write("latency", rows=requests(n=30))
    row = world.row()
    assert row.latency is not None
    assert row.ttft is not None
    assert (row.latency.mean_s, row.latency.p50_s, row.latency.p90_s) == (1.145, 1.145, 1.261)
    assert (row.latency.n, row.latency.output_tokens, row.ttft.p50_s) == (30, 50, 0.1)


@pytest.mark.parametrize(
    ("n", "p50", "p90"),
    [(4, "n/a (4<5)", "n/a (4<29)"), (5, 1.02, "n/a (5<29)"), (28, 1.135, "n/a (28<29)"), (29, 1.14, 1.252)],
)
def test_percentiles_need_enough_requests(world: World, n: int, p50: object, p90: object) -> None:
    world.write("latency", rows=requests(n=n))
    latency = world.row().latency
    assert latency is not None
    assert (latency.p50_s, latency.p90_s) == (p50, p90)


def test_throughput_is_the_mean_over_runs(world: World) -> None:
    world.write("throughput", rows=runs(tokens=200, walls=(1.0, 2.0)))
    throughput = world.row().throughput
    assert throughput is not None
    assert (throughput.tokens_per_s, throughput.n) == (150.0, 2)
    assert throughput.interval == pytest.approx([150 - 12.7062 * 50, 150 + 12.7062 * 50], rel=1e-5)


def test_one_run_has_no_interval(world: World) -> None:
    world.write("throughput", rows=runs(walls=(1.0,)))
    throughput = world.row().throughput
    assert throughput is not None
    assert throughput.interval is None


def test_memory_is_the_growth_in_millions_of_bytes(world: World) -> None:
    world.write("memory")
    memory = world.row().memory
    assert memory is not None
    assert (memory.increment_mb, memory.peak_load_mb, memory.pss_mb, memory.accelerator_mb) == (350, 600, 390, 0)


def test_a_size_that_the_system_does_not_know_is_left_out(world: World) -> None:
    world.write("memory", rows=sizes(pss_after_bytes=0))
    memory = world.row().memory
    assert memory is not None
    assert memory.pss_mb is None


def test_metrics_without_a_result_are_named(world: World) -> None:
    world.write("memory")
    assert world.row().missing == ["reasoning", "latency", "throughput", "concurrency", "long_text"]


@pytest.mark.parametrize("newest_is", ["first", "last"])
def test_the_newest_shard_counts(world: World, newest_is: str) -> None:
    times = ["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"]
    for epoch, at in zip("ab", times if newest_is == "first" else reversed(times), strict=True):
        tokens = 400 if at == max(times) else 200
        world.write("throughput", epoch=epoch, at=at, rows=runs(tokens=tokens, walls=(1.0,)))
    row = world.row()
    assert row.throughput
    assert row.throughput.tokens_per_s == 400


def test_of_shards_of_the_same_time_the_last_path_counts(world: World) -> None:
    first, last = sorted((world.write("memory", epoch=epoch), epoch) for epoch in "abcd")[:: len("abc")]
    assert first < last
    assert world.row().environment.epoch == last[1]


def test_a_stale_definition_is_not_used(world: World) -> None:
    world.write("memory")
    world.write("latency", protocol={"latency": {"max_new_tokens": 40}}, at=LATER)
    assert world.row().latency is None


def test_each_thread_count_is_a_row(world: World) -> None:
    for threads in (1, 4):
        world.write("latency", threads=threads)
        world.write("memory", threads=threads)
    assert [row.threads for row in world.rows()] == [1, 4]


def test_each_machine_is_a_row(world: World) -> None:
    for machine in ("box-b", "box-a"):
        world.write_all(machine=machine)
    assert [row.machine for row in world.rows()] == ["box-a", "box-b"]


def test_a_contributed_shard_of_another_machine_and_environment_counts(world: World) -> None:
    world.write_all(machine="far-away", packages={"torch": "1.0"}, threads=64)
    row = world.row()
    assert (row.machine, row.threads, row.environment.packages) == ("far-away", 64, {"torch": "1.0"})


def test_a_machine_prefers_its_own_score_to_a_newer_one(world: World) -> None:
    world.write("memory", machine="box-a")
    world.write("reasoning", machine="box-a", rows=scores(world, solved=3))
    world.write("reasoning", machine="box-b", rows=scores(world, solved=9), at=LATER)
    reasoning = world.row().reasoning
    assert reasoning is not None
    assert (reasoning.solved, reasoning.machine) == (3, "box-a")


def test_a_machine_without_a_score_takes_the_newest_of_others(world: World) -> None:
    world.write("memory", machine="box-a")
    world.write("reasoning", machine="box-b", rows=scores(world, solved=3))
    world.write("reasoning", machine="box-c", rows=scores(world, solved=9), at=LATER)
    reasoning = world.row().reasoning
    assert reasoning is not None
    assert (reasoning.solved, reasoning.machine) == (9, "box-c")


@pytest.mark.parametrize("metric", ["reasoning", "reasoning_answers"])
def test_a_model_that_only_answered_has_a_row_without_threads(world: World, metric: str) -> None:
    world.write(metric, machine="box-b")
    row = world.row()
    assert (row.machine, row.threads, row.measured_at) == ("box-b", None, "2026-01-01T00:00:00Z")


def test_answers_that_wait_for_their_score_have_no_rank(world: World) -> None:
    world.write("reasoning_answers")
    row = world.row()
    assert (row.rank, row.reasoning) == (None, None)


def test_a_row_is_as_new_as_its_newest_result(world: World) -> None:
    world.write("memory")
    world.write("reasoning", at=LATER)
    assert world.row().measured_at == LATER


def _ranks(world: World, solved: dict[str, int | None]) -> list[tuple[str, int | None]]:
    for name, count in solved.items():
        world.write("memory", name)
        if count is not None:
            world.write("reasoning", name, rows=scores(world, solved=count))
    return [(row.model, row.rank) for row in world.rows()]


@pytest.mark.parametrize(
    ("solved", "expected"),
    [
        # A task more or less tells nothing apart; the order is still by score.
        ({"a": 5, "b": 7, "c": 6}, [("b", 1), ("c", 1), ("a", 1)]),
        ({"a": 7, "b": 7, "c": 6}, [("a", 1), ("b", 1), ("c", 1)]),
        ({"a": None, "b": 0, "c": None}, [("b", 1), ("a", None), ("c", None)]),
    ],
)
def test_ranks(
    make_world: Callable[..., World], solved: dict[str, int | None], expected: list[tuple[str, int | None]]
) -> None:
    assert _ranks(make_world(*(model(name) for name in "abc")), solved) == expected


def test_in_a_shared_rank_the_faster_comes_first(make_world: Callable[..., World]) -> None:
    world = make_world(model("a"), model("b"), model("c"))
    for name, tokens in (("a", 0), ("b", 200), ("c", 100)):
        world.write("reasoning", name)
        world.write("memory", name)
        if tokens:
            world.write("throughput", name, rows=runs(tokens=tokens))
    assert [(row.model, row.rank) for row in world.rows()] == [("b", 1), ("c", 1), ("a", 1)]


def test_an_undisturbed_measurement_has_no_flags(world: World) -> None:
    world.write_all()
    assert world.row().flags == []


@pytest.mark.parametrize(
    ("metric", "guards", "flags"),
    [
        ("latency", {"foreign_cores": 0.21}, ["busy"]),
        ("latency", {"foreign_cores": 0.2}, []),
        ("throughput", {"foreign_cores": 0.21}, ["busy"]),
        ("memory", {"foreign_cores": 0.21}, []),
        ("reasoning", {"foreign_cores": 0.21, "swapped_bytes": 1}, []),
        ("memory", {"swapped_bytes": 1}, ["swapped"]),
        ("latency", {"cpu_mhz_after": 2699.0}, ["throttled"]),
        ("latency", {"cpu_mhz_after": 2700.0}, []),
        ("latency", {"cpu_mhz_after": None}, []),
        ("throughput", {"cpu_mhz_after": 1.0, "swapped_bytes": 1}, ["swapped", "throttled"]),
    ],
)
def test_guard_rails_become_flags(world: World, metric: str, guards: dict[str, Any], flags: list[str]) -> None:
    world.write(metric, guards=guards)
    assert world.row().flags == flags


def test_a_short_request_is_flagged(world: World) -> None:
    world.write("latency", rows=[*requests(n=9), *requests(n=1, output_tokens=49)])
    row = world.row()
    assert row.latency
    assert (row.flags, row.latency.output_tokens) == (["short"], 49)


@pytest.mark.parametrize(("tokens", "flags"), [(200, []), (199, ["short"])])
def test_a_run_is_to_answer_every_prompt_in_full(world: World, tokens: int, flags: list[str]) -> None:
    assert len(world.config.protocol.prompts) * world.config.protocol.throughput.max_new_tokens == 200
    world.write("throughput", rows=runs(tokens=tokens))
    assert world.row().flags == flags


def test_different_outputs_of_one_prompt_are_flagged(world: World) -> None:
    rows = requests(n=8)
    rows[4]["output_hash"] = "other"
    world.write("latency", rows=rows)
    assert world.row().flags == ["nondeterministic"]


@pytest.mark.parametrize("other", [{"epoch": "2026-W30"}, {"packages": {"torch": "9"}}])
def test_results_of_different_environments_are_flagged(world: World, other: dict[str, Any]) -> None:
    world.write("latency")
    world.write("memory", **other)
    assert world.row().flags == ["mixed"]


def test_a_mixed_row_shows_the_environment_of_its_newest_measurement(world: World) -> None:
    world.write("latency", packages={"torch": "9"}, at=LATER)
    world.write("memory")
    assert world.row().environment.packages == {"torch": "9"}
