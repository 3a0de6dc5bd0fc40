"""Keeps every question of the benchmark suite, and its instance, out of the training text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from yardstick.embedded.families.facts import RANKINGS
from yardstick.embedded.items import Item
from yardstick.embedded.lexicon import KINDS, NAMES
from yardstick.suites.suite import Task, load_suite

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_WORD = re.compile(r"[A-Za-z]+")
_INTEGER = re.compile(r"\d+")
_LIST = re.compile(r"\w+(?:, \w+){2,}")
_THINGS = {thing.split()[-1] for ranking in RANKINGS.values() for thing in ranking.things}
_ENTITIES = frozenset(NAMES) | frozenset(KINDS) | _THINGS
_WINDOW = 3  # two progressions count as the same one when they share this many neighbouring terms


def normalise(text: str) -> str:
    """Lower the case and reduce everything but letters and digits to single spaces, with one at each end."""
    return f" {_NOT_WORD.sub(' ', text.lower()).strip()} "


def _operands(text: str) -> tuple[str, ...]:
    """Return the two integers of a calculation in a fixed order, or nothing if there are more or fewer."""
    numbers = _INTEGER.findall(text)
    return tuple(sorted(numbers)) if len(numbers) == 2 else ()


def _windows(text: str, answers: Iterable[str]) -> set[tuple[str, ...]]:
    """Return every run of three neighbouring terms of a listed sequence, continued by any of the answers."""
    match = _LIST.search(text)
    if match is None:
        return set()
    shown = match.group().lower().split(", ")
    windows: set[tuple[str, ...]] = set()
    for answer in answers:
        terms = [*shown, answer.lower()]
        windows.update(tuple(terms[i : i + _WINDOW]) for i in range(len(terms) - _WINDOW + 1))
    return windows


class SuiteGuard:
    """Refuses generated items that repeat a suite question or are about the same instance.

    It looks at the text alone and not at the item's key, so it does not depend on how an item was generated.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._questions = tuple(normalise(task.question) for task in tasks)
        self._operands = {pair for task in tasks if (pair := _operands(task.question))}
        self._windows = {window for task in tasks for window in _windows(task.question, task.accept)}
        entities = (_ENTITIES.intersection(_WORD.findall(task.question)) for task in tasks)
        self._entities = tuple(group for group in entities if len(group) >= 2)

    @classmethod
    def from_file(cls, path: Path) -> SuiteGuard:
        """Guard the suite of a file."""
        return cls(load_suite(path).tasks)

    def repeats_question(self, text: str) -> bool:
        """Say whether a text holds a suite question, whatever its case, spacing and punctuation."""
        plain = normalise(text)
        return any(question in plain for question in self._questions)

    def same_instance(self, item: Item) -> bool:
        """Say whether an item has the operands, the names or things, or the progression of a suite question."""
        question = item.question
        if _operands(question) in self._operands:
            return True
        words = set(_WORD.findall(question))
        if any(words.issuperset(group) for group in self._entities):
            return True
        return not self._windows.isdisjoint(_windows(question, (item.keyword,)))

    def blocks(self, item: Item) -> bool:
        """Say whether an item must not be generated."""
        return self.same_instance(item) or self.repeats_question(item.question)
