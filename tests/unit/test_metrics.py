"""The metrics against engines whose schedule is known."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import PROMPTS, Clock, Scripted, ignore
from yardstick.backends.base import Engine
from yardstick.errors import YardstickError
from yardstick.metrics import answers, concurrency, latency, throughput
from yardstick.metrics.answers import Question
from yardstick.metrics.observations import Progress
from yardstick.shards import SCHEMAS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now_s)
    return clock


# Precision cannot end the sampling: a spread of 0 is only reached by a scripted clock, after ``least`` observations.
SAMPLING = {"relative_interval": 1e-12, "least_s": 0, "most_s": 1000}


def timed(engine: Engine, progress: Progress = ignore, *, requests: int = 4, **changes: Any) -> list[dict[str, Any]]:
    settings = {"prompts": PROMPTS, "max_new_tokens": 5, "warmups": 2, **SAMPLING}
    counts = {"least_requests": requests, "most_requests": requests}
    return latency.observe(engine, **{**settings, **counts, **changes}, progress=progress).rows


def runs(engine: Engine, progress: Progress = ignore, *, count: int = 3, **changes: Any) -> list[dict[str, Any]]:
    settings = {"prompts": PROMPTS, "max_new_tokens": 5, "warmups": 2, **SAMPLING}
    counts = {"least_runs": count, "most_runs": count}
    return throughput.observe(engine, **{**settings, **counts, **changes}, progress=progress).rows


def test_latency_is_the_schedule_of_the_engine(clock: Clock) -> None:
    for row in timed(Scripted(first_s=0.5, gap_s=0.25, sleep=clock.sleep)):
        assert (row["ttft_s"], row["e2e_s"], row["itl_s"]) == (0.5, 1.5, [0.25] * 4)


def test_latency_on_the_real_clock_is_close_to_the_schedule() -> None:
    for row in timed(Scripted(first_s=0.05, gap_s=0.02), requests=2, warmups=0):
        assert row["ttft_s"] == pytest.approx(0.05, abs=0.03)
        assert row["e2e_s"] == pytest.approx(0.13, abs=0.08)
        assert row["e2e_s"] == pytest.approx(row["ttft_s"] + sum(row["itl_s"]))


def test_latency_asks_warm_ups_first_and_counts_none_of_them(clock: Clock) -> None:
    engine = Scripted(first_s=1, sleep=clock.sleep)
    rows = timed(engine)
    assert engine.calls == ["load", *PROMPTS[:2], *PROMPTS, PROMPTS[0]]
    assert [(row["request"], row["prompt"]) for row in rows] == [(0, 0), (1, 1), (2, 2), (3, 0)]
    assert [row["prompt_tokens"] for row in rows] == [1, 2, 3, 1]


def test_latency_begins_no_request_after_its_time_limit(clock: Clock) -> None:
    rows = timed(Scripted(first_s=10, sleep=clock.sleep), requests=100, most_s=25)
    assert len(rows) == 3


def test_one_request_is_timed_whatever_the_limit(clock: Clock) -> None:
    assert len(timed(Scripted(first_s=10, sleep=clock.sleep), most_s=1e-9)) == 1


def test_warm_ups_do_not_use_up_the_time_limit(clock: Clock) -> None:
    assert len(timed(Scripted(first_s=10, sleep=clock.sleep), warmups=50, requests=2, most_s=25)) == 2


def test_the_same_output_has_the_same_hash_and_another_has_not() -> None:
    short, long = timed(Scripted(), max_new_tokens=5), timed(Scripted(), max_new_tokens=6)
    assert len({row["output_hash"] for row in short}) == 1
    assert short[0]["output_hash"] != long[0]["output_hash"]


def test_throughput_is_all_prompts_over_the_wall_time_of_a_run(clock: Clock) -> None:
    rows = runs(Scripted(first_s=0.5, gap_s=0.25, sleep=clock.sleep))
    assert rows == [{"run": n, "prompt_tokens": 6, "output_tokens": 15, "wall_s": 4.5} for n in range(3)]


def test_throughput_asks_every_prompt_in_every_run(clock: Clock) -> None:
    engine = Scripted(first_s=1, sleep=clock.sleep)
    runs(engine)
    assert engine.calls == ["load", *PROMPTS * 5]


def test_throughput_begins_no_run_after_its_time_limit(clock: Clock) -> None:
    assert len(runs(Scripted(first_s=1, sleep=clock.sleep), count=50, most_s=4)) == 2


@pytest.mark.parametrize(("observe", "warmups"), [(timed, 2), (runs, 6)])
def test_the_collector_rests_while_requests_count(observe: Callable[..., object], warmups: int) -> None:
    engine = Scripted()
    observe(engine)
    assert not any(engine.saw_collector[warmups:])
    assert gc.isenabled()


@pytest.mark.parametrize("observe", [timed, runs])
def test_the_collector_works_again_after_an_error(observe: Callable[..., object]) -> None:
    def fail(_seconds: float) -> None:
        if not gc.isenabled():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        observe(Scripted(sleep=fail))
    assert gc.isenabled()


@pytest.mark.parametrize(("observe", "total"), [(timed, 4), (runs, 3)])
def test_progress_is_told_between_requests(observe: Callable[..., object], total: int) -> None:
    told: list[tuple[int, int]] = []
    observe(Scripted(), lambda done, total: told.append((done, total)))
    assert told == [(done, total) for done in range(1, total + 1)]


QUESTIONS = [Question(f"task-{number}", f"What is {number}?") for number in range(5)]


def asked(engine: Engine, progress: Progress = ignore, **changes: Any) -> list[dict[str, Any]]:
    settings = {
        "questions": QUESTIONS,
        "prompt": "Q: {question}\nA:",
        "is_chat": False,
        "max_new_tokens": 3,
        "batch_size": 2,
    }
    return answers.observe(engine, **{**settings, **changes}, progress=progress).rows


def test_each_question_is_answered_once_in_batches() -> None:
    engine = Scripted()
    rows = asked(engine)
    assert [row["task"] for row in rows] == [question.task for question in QUESTIONS]
    assert [len(batch) for batch, _ in engine.batches] == [2, 2, 1]
    assert rows[3] == {"task": "task-3", "prompt": "Q: What is 3?\nA:", "prompt_tokens": 5, "output_tokens": 3} | {
        "answer": "Q: WHAT IS 3?\nA:",
        "finish": "stop",
        "sample": None,
        "likelihoods": None,
        "greedy": None,
    }


def test_a_chat_model_is_asked_through_its_template() -> None:
    engine = Scripted()
    rows = asked(engine, is_chat=True, prompt="{question}")
    assert rows[0]["prompt"] == "<chat>What is 0?"
    assert {is_rendered for _, is_rendered in engine.batches} == {True}


def test_braces_in_a_question_are_plain_text() -> None:
    rows = asked(Scripted(), questions=[Question("a", "What is {0} or {x}?")])
    assert rows[0]["prompt"] == "Q: What is {0} or {x}?\nA:"


def test_answers_tell_progress_between_batches() -> None:
    told: list[tuple[int, int]] = []
    asked(Scripted(), lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (4, 5), (5, 5)]


def levels(engine: Engine, progress: Progress = ignore, **changes: Any) -> list[dict[str, Any]]:
    settings = {
        "prompts": PROMPTS,
        "max_new_tokens": 5,
        "levels": [1, 2, 4],
        "rounds": 2,
        "least_gain": 1,
        "most_s": 1e6,
    }
    return concurrency.observe(engine, **{**settings, **changes}, progress=progress).rows


@pytest.mark.parametrize(
    ("observe", "metric"),
    [(timed, "latency"), (runs, "throughput"), (levels, "concurrency"), (asked, "reasoning_answers")],
)
def test_rows_have_the_columns_of_the_shard(observe: Callable[..., list[dict[str, Any]]], metric: str) -> None:
    assert [set(row) for row in observe(Scripted())[:1]] == [set(SCHEMAS[metric].names)]


def test_a_level_is_its_rounds_without_the_one_that_warms_up(clock: Clock) -> None:
    engine = Scripted(gap_s=1, sleep=clock.sleep)
    row = levels(engine, levels=[2])[0]
    assert (row["in_flight"], row["requests"], row["output_tokens"], row["wall_s"]) == (2, 4, 20, 3.0)
    assert row["e2e_s"] == [1.5] * 4
    # Prompts are given in turn, in the round that warms up too.
    assert engine.batches == [(["one", "two words"], False), (["and three words", "one"], False), (PROMPTS[1:], False)]


def test_levels_go_up_while_they_gain(clock: Clock) -> None:
    # Twice the prompts take half as long again: 1, 4/3, 8/5 times the tokens per second.
    found = levels(Scripted(gap_s=1, sleep=clock.sleep), levels=[1, 2, 4, 8], least_gain=1.25)
    assert [row["in_flight"] for row in found] == [1, 2, 4]


def test_no_level_is_begun_after_the_time_limit(clock: Clock) -> None:
    assert [row["in_flight"] for row in levels(Scripted(gap_s=1, sleep=clock.sleep), most_s=5)] == [1, 2]


def test_an_engine_that_takes_one_request_at_a_time_has_one_level() -> None:
    engine = Scripted()
    engine.most_in_flight = 1
    assert [row["in_flight"] for row in levels(engine)] == [1]


@pytest.mark.parametrize(
    ("changes", "stopped_by", "count"),
    [
        ({}, "interval", 3),
        ({"least_s": 45}, "interval", 5),
        ({"relative_interval": 1e-12, "most_requests": 7}, "count", 7),
        ({"relative_interval": 1e-12, "most_s": 25}, "seconds", 3),
    ],
)
def test_a_shard_says_what_stopped_the_sampling(
    clock: Clock, changes: dict[str, Any], stopped_by: str, count: int
) -> None:
    drift = iter(range(10**6))

    def sleep(seconds: float) -> None:
        clock.sleep(seconds * (1 + next(drift) * 1e-4))

    settings = {"relative_interval": 0.01, "least_requests": 3, "most_requests": 9, "least_s": 0, "most_s": 1000}
    observed = latency.observe(
        Scripted(gap_s=10, sleep=sleep),
        **{"prompts": PROMPTS, "max_new_tokens": 2, "warmups": 0, **settings, **changes},
        progress=ignore,
    )
    assert (observed.sampling["stopped_by"], len(observed.rows)) == (stopped_by, count)
    assert 0 < observed.sampling["relative_interval"] < 0.1


def test_a_request_without_a_token_is_one_line() -> None:
    with pytest.raises(YardstickError, match="got no new token"):
        timed(Scripted(), max_new_tokens=0)


def test_prompts_that_get_a_prefix_have_no_hash() -> None:
    engine = Scripted()
    engine.changes_prompts = True
    assert {row["output_hash"] for row in timed(engine)} == {""}
