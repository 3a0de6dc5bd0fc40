"""Number, letter and calendar sequences whose next term is asked."""

from __future__ import annotations

import string
from random import Random

from yardstick.embedded.items import Hardness, Item
from yardstick.embedded.lexicon import words

FAMILY = "sequence"
DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = words("January February March April May June July August September October November December")
_NUMBER_QUESTIONS = (
    "{s}, ?",
    "What comes next: {s}, ?",
    "What comes next: {s}?",
    "What is the next number: {s}, ?",
    "What number comes next: {s}?",
    "Complete the sequence: {s}, ?",
    "What is the next number in the sequence {s}?",
    "{s}, ...",
    "Continue the sequence: {s}",
    "Which number comes next in {s}, ...?",
)
_CALENDAR_QUESTIONS = (
    "{s}, ?",
    "What comes next: {s}, ?",
    "What comes next: {s}?",
    "Complete the sequence: {s}, ?",
    "{s}, ...",
)
_LETTER_QUESTIONS = (
    *_CALENDAR_QUESTIONS,
    "Which letter comes next: {s}?",
    "What is the next letter in the sequence {s}?",
)


def _shown(rng: Random) -> int:
    return rng.choice((3, 4, 4, 4, 5))


def _numbers(rng: Random, kind: str, key: str, terms: list[int]) -> Item:
    question = rng.choice(_NUMBER_QUESTIONS).format(s=", ".join(map(str, terms[:-1])))
    return Item(FAMILY, kind, key, question, f"The next number is {terms[-1]}.", str(terms[-1]))


def _rising(rng: Random) -> Item:
    step = rng.randint(1, 12) if rng.random() < 0.75 else rng.choice((10, 15, 20, 25))
    start = rng.randint(0, 60) if rng.random() < 0.8 else rng.randint(0, 99)
    terms = [start + step * i for i in range(_shown(rng) + 1)]
    return _numbers(rng, "rising", f"progression {start} {step}", terms)


def _falling(rng: Random) -> Item:
    step, last = rng.randint(1, 12), rng.randint(0, 60)
    terms = [last + step * i for i in range(_shown(rng), -1, -1)]
    return _numbers(rng, "falling", f"progression {terms[0]} {-step}", terms)


def _geometric(rng: Random) -> Item:
    start, shown = rng.randint(1, 15), rng.choice((3, 4))
    factor = rng.choice((2, 2, 3)) if start < 6 else 2
    terms = [start * factor**i for i in range(shown + 1)]
    return _numbers(rng, "geometric", f"geometric {start} {factor} {shown}", terms)


def _letters(rng: Random) -> Item:
    step, shown = rng.choice((1, 1, 2, 3, -1)), _shown(rng)
    lowest, highest = max(0, -step * shown), min(25, 25 - step * shown)
    start = rng.randint(lowest, highest)
    terms = [string.ascii_uppercase[start + step * i] for i in range(shown + 1)]
    question = rng.choice(_LETTER_QUESTIONS).format(s=", ".join(terms[:-1]))
    return Item(
        FAMILY, "letters", f"letters {terms[0]} {step}", question, f"The next letter is {terms[-1]}.", terms[-1]
    )


def _calendar(rng: Random) -> Item:
    names, shown = rng.choice((DAYS, MONTHS)), rng.choice((2, 3))
    start = rng.randrange(len(names))
    terms = [names[(start + i) % len(names)] for i in range(shown + 1)]
    question = rng.choice(_CALENDAR_QUESTIONS).format(s=", ".join(terms[:-1]))
    return Item(FAMILY, "calendar", f"calendar {terms[0]} {shown}", question, f"The next is {terms[-1]}.", terms[-1])


def generate(rng: Random, _hardness: Hardness) -> Item:
    """Make one sequence item."""
    share = rng.random()
    if share < 0.5:
        return _rising(rng)
    if share < 0.75:
        return _falling(rng)
    if share < 0.85:
        return _geometric(rng)
    return _letters(rng) if share < 0.95 else _calendar(rng)
