"""The suite that ships is fair: repeating a question never solves it, and right answers do, however they are put."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from yardstick.suites.keyword_match import match
from yardstick.suites.suite import Task, load_suite

SUITE = load_suite(Path(__file__).parents[2] / "config" / "suites" / "reasoning.yaml")
TASKS = {task.id: task for task in SUITE.tasks}

RIGHT = [
    ("add-two-numbers", "17 plus 26 equals 43."),
    ("add-two-numbers", "Forty-three"),
    ("subtract-two-numbers", "64 - 28 = 36"),
    ("books-left-in-a-box", "There are 33 books left in the box."),
    ("place-in-a-race", "Tom finishes first, Mia second and Leo third."),
    ("place-in-a-race", "Leo finishes last."),
    ("place-in-a-race", "In 3rd place."),
    ("inverse-relation", "If Anna is older than Ben, then Ben is younger than Anna."),
    ("legs-of-a-spider", "A spider has eight legs."),
    ("dry-in-the-rain", "People use umbrellas."),
    ("dry-in-the-rain", "An umbrella or a raincoat."),
    ("rising-by-five", "7, 12, 17, 22, 27"),
    ("falling-by-four", "The next number is 24."),
    ("doubling", "Each number doubles, so it is 48."),
]
WRONG = [
    ("add-two-numbers", "The answer is 143."),
    ("subtract-two-numbers", "The answer is 3.6"),
    ("place-in-a-race", "Leo finishes second to last."),
    ("place-in-a-race", "Three friends run a race."),
    ("inverse-relation", "Ben is older than Anna."),
    ("inverse-relation", "Ben is not younger than Anna."),
    ("legs-of-a-spider", "A spider has 18 legs."),
    ("dry-in-the-rain", "People stay dry in the rain."),
]


def solved(task: Task, answer: str) -> bool:
    return match(answer, accept=task.accept, reject=task.reject, is_chat=True).solved


def test_ten_tasks_with_at_least_two_of_each_category() -> None:
    counts = Counter(task.category for task in SUITE.tasks)
    assert len(SUITE.tasks) == 10
    assert len(counts) == 4
    assert min(counts.values()) >= 2


@pytest.mark.parametrize("task", SUITE.tasks, ids=lambda task: task.id)
def test_repeating_the_question_does_not_solve_it(task: Task) -> None:
    assert not solved(task, task.question)
    assert not solved(task, SUITE.base_prompt.format(question=task.question))


@pytest.mark.parametrize(("task", "answer"), RIGHT)
def test_right_answer_solves(task: str, answer: str) -> None:
    assert solved(TASKS[task], answer)


@pytest.mark.parametrize(("task", "answer"), WRONG)
def test_wrong_answer_does_not_solve(task: str, answer: str) -> None:
    assert not solved(TASKS[task], answer)
