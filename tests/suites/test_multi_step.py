"""The multi-step suite: the same items for the same seed, and verifiers that tell right from wrong."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from pathlib import Path

import pytest
import reasoning_gym
from reasoning_gym.factory import DATASETS
from working_copy import ROOT
from yardstick.errors import YardstickError
from yardstick.suites.items import Asked, Item
from yardstick.suites.load import read_suite
from yardstick.suites.multi_step import MultiStepSuite
from yardstick.suites.multi_step_items import RUN_ANSWERS, final_answer, make_items, score

SUITE = read_suite(ROOT / "config/suites/multi_step.yaml")
assert isinstance(SUITE, MultiStepSuite)
ITEMS = SUITE.items(Asked(is_chat=False))
FIRST = [next(item for item in ITEMS if item.id.startswith(f"{step.id}-0")) for step in SUITE.steps]


def said(item: Item, text: str, *, is_chat: bool = True) -> bool:
    return score(item, {"answer": text}, is_chat=is_chat).solved


def test_there_are_hundreds_of_items_of_four_kinds() -> None:
    assert len(ITEMS) == 300
    assert len({item.id for item in ITEMS}) == 300
    assert set(Counter(item.category for item in ITEMS)) == {"arithmetic", "logic", "sequences", "word_problems"}


def test_items_follow_from_the_seed_alone() -> None:
    assert SUITE.items(Asked(is_chat=True, epoch="2026-W30")) == ITEMS
    other = SUITE.model_copy(update={"seed": SUITE.seed + 1}).items(Asked(is_chat=False))
    assert [item.question for item in other] != [item.question for item in ITEMS]


def test_an_epoch_has_items_of_its_own_if_asked() -> None:
    suite = SUITE.model_copy(update={"new_items_each_epoch": True})
    first, second = (suite.items(Asked(is_chat=False, epoch=epoch)) for epoch in ("2026-W30", "2026-W31"))
    assert [item.question for item in first] != [item.question for item in second]
    documents = [suite.answers_document(Asked(is_chat=False, epoch=epoch)) for epoch in ("2026-W30", "2026-W31")]
    assert documents[0] != documents[1]
    assert SUITE.answers_document(Asked(is_chat=False, epoch="2026-W30")) == SUITE.answers_document(
        Asked(is_chat=False)
    )


def test_another_step_changes_no_item_of_those_before() -> None:
    steps = [step.model_dump() for step in SUITE.steps]
    assert make_items([steps[3]], str(SUITE.seed)) == [item for item in ITEMS if item.id.startswith(steps[3]["id"])]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_the_right_answer_is_solved_and_the_question_is_not(item: Item) -> None:
    answer = item.expected["answer"]
    assert said(item, answer)
    assert said(item, f"Let me think.\nSo the answer: <answer>{answer}</answer>")
    assert not said(item, item.question)
    assert not said(item, "")


@pytest.mark.parametrize("item", FIRST, ids=lambda item: item.id)
def test_a_wrong_answer_is_not_solved(item: Item) -> None:
    others = {other.expected["answer"] for other in ITEMS if other.category == item.category}
    wrong = {answer for answer in others if answer != item.expected["answer"]}
    assert not any(said(item, answer) for answer in wrong if not said(item, answer.strip().lower()))
    assert not said(item, "I do not know")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 42\n\nQuestion: more", "42"),
        ("so <answer>1</answer>, no, <answer> 2 </answer>", "2"),
        ("It is long.\nThe final answer is: **7**.", "7"),
        ("Answer: 5\nAnswer: 6", "6"),
        ("", ""),
    ],
)
def test_what_counts_as_the_final_answer(text: str, expected: str) -> None:
    assert final_answer(text) == expected


def test_a_base_models_next_question_does_not_count() -> None:
    item = FIRST[0]
    right = item.expected["answer"]
    assert said(item, f" {right}\nQuestion: What is 1 plus 1?\nAnswer: 2", is_chat=False)
    assert not said(item, f" 12345\nQuestion: again?\nAnswer: {right}", is_chat=False)


def test_a_step_that_reasoning_gym_refuses_is_one_line() -> None:
    step = {"id": "odd", "category": "logic", "task": "no_such_task", "count": 1, "settings": {}}
    with pytest.raises(YardstickError, match="step odd: reasoning-gym refuses it"):
        make_items([step], "1")
    with pytest.raises(YardstickError, match="step odd: reasoning-gym refuses it"):
        make_items([{**step, "task": "chain_sum", "settings": {"min_terms": -5}}], "1")


# Modules that evaluate text while making items, and never an answer; each was read.
_ONLY_WHILE_MAKING = {
    "codeio",
    "number_sorting",
    "gsm_symbolic",
    "bitwise_arithmetic",
    "basic_arithmetic",
    "propositional_logic",
}


def test_verifiers_that_run_answers_as_code_are_refused() -> None:
    risky = re.compile(r"(?<![\w.])(?:eval|exec)\(|parse_expr|sympify|literal_eval")
    package = Path(reasoning_gym.__file__).parent
    found = {
        name
        for name, (dataset, _) in DATASETS.items()
        if package in Path(inspect.getfile(dataset)).parents
        and risky.search(Path(inspect.getfile(dataset)).read_text())
    }
    assert found - _ONLY_WHILE_MAKING <= RUN_ANSWERS
    step = {"id": "risky", "category": "logic", "count": 1, "settings": {}}
    for task in RUN_ANSWERS:
        with pytest.raises(YardstickError, match="runs answers as Python code"):
            make_items([{**step, "task": task}], "1")
