"""Answering a suite: batches, what is kept when the job is killed, stopping early, and what does not fit."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from working_copy import ROOT
from yardstick.backends.base import Completion, Engine, ModelSpec
from yardstick.backends.transformers import TransformersEngine
from yardstick.errors import YardstickError
from yardstick.journal import AnswerJournal
from yardstick.metrics.answers import BLOCK, Question, observe
from yardstick.metrics.batching import BatchSize
from yardstick.shard_paths import ShardPath
from yardstick.statistics import wilson_interval
from yardstick.stopping import ScoreStopping
from yardstick.suites.items import Asked
from yardstick.suites.suite import Suite, Task

Row = dict[str, Any]
SPEC = {"name": "mini", "dtype": "float32", "device": "cpu", "context_length": 512, "threads": 1}
PATH = ShardPath("reasoning_answers", "mini", "box", "0" * 16, "f" * 16)


class Echo(TransformersEngine):
    """An engine that answers with the question, and can be killed or run out of memory."""

    def __init__(self, *, dies_after: int = 10**9, most_prompts: int = 10**9, context: int = 512) -> None:
        super().__init__(ModelSpec(**{**SPEC, "context_length": context}, path=Path()))
        self.dies_after, self.most_prompts = dies_after, most_prompts
        self.batches: list[list[str]] = []

    def load(self) -> None:
        return

    def tokenize(self, text: str) -> list[int]:
        return [0] * len(text)

    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        if len(prompts) > self.most_prompts:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        if sum(map(len, self.batches)) >= self.dies_after:
            raise KeyboardInterrupt
        self.batches.append(list(prompts))
        return [Completion(f"{prompt}|end|rest", 3, len(prompt), "length") for prompt in prompts]

    def answer_until(
        self, prompts: Sequence[str], max_new_tokens: int, stops: Sequence[Sequence[str]], *, is_rendered: bool
    ) -> list[Completion]:
        return Engine.answer_until(self, prompts, max_new_tokens, stops, is_rendered=is_rendered)

    def answer_each(self, *arguments: Any, **options: Any) -> Iterator[list[tuple[int, Completion]]]:
        return Engine.answer_each(self, *arguments, **options)


def asked(engine: TransformersEngine, questions: Sequence[Question], **changes: Any) -> list[Row]:
    given_ = {"prompt": "{question}", "is_chat": False, "max_new_tokens": 3, "batch_size": 4}
    return observe(engine, questions=questions, **{**given_, **changes}, progress=lambda *_: None).rows


def questions(count: int, **changes: Any) -> list[Question]:
    return [Question(f"task-{number:03}", "x" * (number * 7 % 11 + 1), **changes) for number in range(count)]


@given(lengths=st.lists(st.integers(1, 60), max_size=40), size=st.integers(1, 9))
def test_batches_go_from_the_longest_to_the_shortest_and_rows_keep_the_order(lengths: list[int], size: int) -> None:
    engine = Echo()
    asked_ = [Question(str(place), "x" * length) for place, length in enumerate(lengths)]
    rows = asked(engine, asked_, batch_size=size)
    assert [row["task"] for row in rows] == [question.task for question in asked_]
    assert [row["prompt"] for row in rows] == [question.text for question in asked_]
    order = [len(prompt) for batch in engine.batches for prompt in batch]
    assert order == sorted(lengths, reverse=True)
    assert max(map(len, engine.batches), default=0) <= size


def test_a_batch_that_does_not_fit_into_memory_is_halved_for_good() -> None:
    engine = Echo(most_prompts=3)
    assert len(asked(engine, questions(20), batch_size=16)) == 20
    assert {len(batch) for batch in engine.batches} == {2}


def test_one_prompt_that_does_not_fit_into_memory_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        asked(Echo(most_prompts=0), questions(2))


def test_short_prompts_come_in_larger_batches_than_long_ones() -> None:
    size = BatchSize(None, is_together=True)
    assert [size.take("x" * length, 64) for length in (100_000, 9000, 3000, 600, 60)] == [1, 2, 7, 31, 64]


def test_an_engine_that_answers_one_by_one_is_asked_one_by_one_so_that_each_answer_is_kept_at_once() -> None:
    assert BatchSize(None, is_together=False).take("x", 64) == 1
    assert BatchSize(4, is_together=False).take("x" * 100_000, 64) == 4


def test_a_killed_job_goes_on_at_the_task(tmp_path: Path) -> None:
    everything = questions(30)
    whole = asked(Echo(), everything)
    journal = AnswerJournal(PATH, tmp_path)
    first = Echo(dies_after=12)
    with pytest.raises(KeyboardInterrupt):
        asked(first, everything, journal=journal)
    second = Echo()
    assert asked(second, everything, journal=AnswerJournal(PATH, tmp_path)) == whole
    assert sum(map(len, first.batches)) == 12
    assert sum(map(len, second.batches)) == 18


def test_a_question_that_the_context_cannot_hold_counts_as_not_answered() -> None:
    engine = Echo(context=30)
    rows = asked(engine, [Question("short", "x" * 10), Question("long", "x" * 28)])
    assert [(row["task"], row["finish"], row["answer"]) for row in rows] == [
        ("short", "length", f"{'x' * 10}|end|rest"),
        ("long", "too_long", ""),
    ]
    assert engine.batches == [["x" * 10]]


def test_an_answer_ends_at_the_first_stop_text() -> None:
    (row,) = asked(Echo(), [Question("a", "abc", stop=("|rest", "|end"))])
    assert (row["answer"], row["finish"]) == ("abc", "stop")


# Stopping early


SUITE = Suite(
    name="reasoning",
    description="Tasks.",
    base_prompt="{question}",
    max_new_tokens=3,
    tasks=[Task(id=f"task-{n:03}", category="logic", question="x", accept=["yes"]) for n in range(400)],
)


class Knowing(Echo):
    """An engine that is right with a chance that the seed decides for each task."""

    def __init__(self, chance: float, seed: int) -> None:
        super().__init__()
        self.chance, self.seed = chance, seed

    def answer(self, prompts: Sequence[str], max_new_tokens: int, *, is_rendered: bool) -> list[Completion]:
        self.batches.append(list(prompts))
        right = [random.Random(f"{self.seed} {prompt}").random() < self.chance for prompt in prompts]
        return [Completion("yes" if is_right else "no", 1, 1, "stop") for is_right in right]


def stopped(chance: float, seed: int, half_width: float, **changes: Any) -> list[Row]:
    asked_ = Asked(is_chat=True)
    stopping = ScoreStopping(SUITE, asked_, SUITE.items(asked_), half_width=half_width, least=32)
    tasks = [Question(task.id, task.id) for task in SUITE.tasks]
    return asked(Knowing(chance, seed), tasks, stopping=stopping, **changes)


@settings(max_examples=20, deadline=None)
@given(
    chance=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), seed=st.integers(0, 99), half_width=st.sampled_from([0.06, 0.1])
)
def test_answering_ends_when_the_interval_is_as_narrow_as_asked(chance: float, seed: int, half_width: float) -> None:
    rows = stopped(chance, seed, half_width)
    solved = [row["answer"] == "yes" for row in rows]

    def width(n: int, good: int) -> float:
        low, high = wilson_interval(good, n)
        return (high - low) / 2

    assert len(rows) % BLOCK == 0
    assert width(len(rows), sum(solved)) <= half_width or len(rows) == 400
    if chance in (0.0, 1.0):
        assert len(rows) <= 64


def test_the_order_is_random_and_always_the_same_whatever_the_batches() -> None:
    few, many = stopped(0.5, 1, 0.1, batch_size=3), stopped(0.5, 2, 0.1, batch_size=16)
    assert stopped(0.5, 1, 0.1, batch_size=7) == few
    shorter, longer = sorted(({row["task"] for row in rows} for rows in (few, many)), key=len)
    assert shorter <= longer
    assert shorter != {f"task-{n:03}" for n in range(len(shorter))}


def test_a_killed_job_that_stops_early_answers_the_same_tasks(tmp_path: Path) -> None:
    whole = stopped(0.5, 1, 0.1)
    journal = AnswerJournal(PATH, tmp_path)
    journal.note([row for row in whole if int(row["task"][-1]) % 2])
    assert stopped(0.5, 1, 0.1, journal=journal) == whole


# The real engine


@pytest.fixture(scope="module")
def engine() -> TransformersEngine:
    folder = ROOT / "workflow/resources/embedded/yardstick-mini"
    found = TransformersEngine(ModelSpec(**SPEC, path=folder))
    found.prepare()
    found.load()
    return found


def texts() -> list[Question]:
    suite = json.loads(json.dumps(["The river", "What is 17 plus 26?", "To bake a loaf you need", "2, 4, 6,"]))
    return [
        Question(f"{place}-{number}", f"{text} {'and then ' * number}")
        for place, text in enumerate(suite)
        for number in range(6)
    ]


@pytest.mark.parametrize("batch_size", [2, 7, 24, None])
def test_batches_change_no_token(engine: TransformersEngine, batch_size: int | None) -> None:
    def tokens(size: int | None) -> list[tuple[str, str, int]]:
        rows = asked(engine, texts(), batch_size=size, max_new_tokens=24)
        return [(row["task"], row["answer"], row["output_tokens"]) for row in rows]

    assert tokens(batch_size) == tokens(1)


def test_drawn_answers_vary_and_come_again_for_the_same_task(engine: TransformersEngine) -> None:
    def drawn(tasks: Sequence[Question]) -> Mapping[str, list[str]]:
        rows = asked(engine, tasks, sampled=4, temperature=1.5, max_new_tokens=12)
        assert [row["sample"] for row in rows] == [None, 1, 2, 3, 4] * len(tasks)
        return {task.task: [row["answer"] for row in rows if row["task"] == task.task] for task in tasks}

    first, alone = drawn(texts()[:3]), drawn(texts()[2:3])
    assert first["0-2"] == alone["0-2"]
    assert len({*first["0-2"], *first["0-1"]}) > 2


def test_likelihoods_are_those_of_the_tokens_one_by_one(engine: TransformersEngine) -> None:
    import torch

    prompt, choices = "Question: What is 17 plus 26?\nAnswer:", (" 43", " forty", " 43 is right")
    (found,) = engine.likelihoods([prompt], [choices], is_rendered=False)
    for choice, log_likelihood, is_greedy in zip(choices, found.log_likelihoods, found.is_greedy, strict=True):
        ids, start = engine.tokenize(prompt + choice), len(engine.tokenize(prompt))
        total, greedy = 0.0, True
        for place in range(start, len(ids)):
            with torch.inference_mode():
                logits = engine._model(torch.tensor([ids[:place]])).logits[0, -1].log_softmax(-1)
            total += float(logits[ids[place]])
            greedy &= int(logits.argmax()) == ids[place]
        assert log_likelihood == pytest.approx(total, abs=1e-4)
        assert is_greedy == greedy
    (row,) = asked(engine, [Question("a", prompt, choices)])
    assert row["likelihoods"] == pytest.approx(found.log_likelihoods, abs=1e-6)
    assert row["answer"] == choices[max(range(3), key=found.log_likelihoods.__getitem__)]


def test_an_engine_that_cannot_draw_says_so() -> None:
    with pytest.raises(YardstickError, match="need backend transformers; set samples: 0"):
        Engine.sample(Echo(), "x", 3, count=2, temperature=1, seed=0, is_rendered=False)
    with pytest.raises(YardstickError, match="need backend transformers; take a task that generates"):
        Engine.likelihoods(Echo(), ["x"], [("a",)], is_rendered=False)
