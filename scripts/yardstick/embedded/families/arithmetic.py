"""Sums, differences and products of small numbers, bare or as word problems."""

from __future__ import annotations

from random import Random

from yardstick.embedded.items import Hardness, Item
from yardstick.embedded.lexicon import random_names, words

FAMILY = "arithmetic"
_ADD = (
    "What is {a} + {b}?",
    "What is {a} plus {b}?",
    "Calculate {a} + {b}.",
    "{a} + {b} = ?",
    "How much is {a} + {b}?",
    "What is the sum of {a} and {b}?",
    "Add {a} and {b}.",
    "{a} + {b}",
    "What do you get if you add {a} and {b}?",
)
_SUBTRACT = (
    "What is {a} - {b}?",
    "What is {a} minus {b}?",
    "Calculate {a} - {b}.",
    "{a} - {b} = ?",
    "How much is {a} - {b}?",
    "Subtract {b} from {a}.",
    "What is the difference between {a} and {b}?",
    "{a} - {b}",
    "What do you get if you take {b} from {a}?",
)
_MULTIPLY = (
    "What is {a} times {b}?",
    "What is {a} * {b}?",
    "What is {a} x {b}?",
    "Calculate {a} * {b}.",
    "Multiply {a} by {b}.",
    "{a} * {b} = ?",
)
_THINGS = words("apples books coins pens eggs cards balls stamps cookies toys oranges marbles pencils")
_WORD_ADD = (
    "{n} has {a} {t} and gets {b} more. How many {t} does {n} have now?",
    "{n} has {a} {t}. {p} buys {b} more. How many {t} does {n} have?",
    "{n} has {a} {t} and {m} has {b} {t}. How many {t} do they have together?",
    "There are {a} {t} in a box. {n} adds {b} {t}. How many {t} are in the box?",
    "There are {a} {t} in a box. {n} puts in {b} {t}. How many {t} are in the box now?",
)
_WORD_SUBTRACT = (
    "{n} has {a} {t} and gives {b} to {m}. How many {t} are left?",
    "{n} has {a} {t}. {p} loses {b}. How many {t} does {n} have now?",
    "There are {a} {t} in a box. {n} takes {b}. How many {t} are left?",
    "There are {a} {t} in a box. {n} takes out {b} {t}. How many {t} are left in the box?",
    "If you have {a} {t} and give away {b}, how many {t} are left?",
)


def _operands(rng: Random) -> tuple[int, int]:
    """Draw two numbers below 100, small ones more often than by chance."""
    shape = rng.random()
    if shape < 0.2:
        return rng.randint(0, 9), rng.randint(0, 9)
    if shape < 0.35:
        return rng.randint(0, 99), rng.randint(0, 9)
    if shape < 0.5:
        return rng.randint(0, 9), rng.randint(0, 99)
    return rng.randint(0, 99), rng.randint(0, 99)


def _item(kind: str, key: str, question: str, result: int) -> Item:
    return Item(FAMILY, kind, key, question, f"The answer is {result}.", str(result))


def _sum_key(a: int, b: int) -> str:
    return f"add {min(a, b)} {max(a, b)}"  # a + b and b + a are one instance


def _bare(rng: Random, share: float) -> Item:
    """Make a bare sum, difference or product; `share` says which."""
    if share < 0.42:
        a, b = _operands(rng)
        return _item("add", _sum_key(a, b), rng.choice(_ADD).format(a=a, b=b), a + b)
    if share < 0.78:
        b, a = sorted(_operands(rng))
        return _item("subtract", f"sub {a} {b}", rng.choice(_SUBTRACT).format(a=a, b=b), a - b)
    a, b = rng.randint(1, 12), rng.randint(1, 12)
    return _item("multiply", f"mul {a} {b}", rng.choice(_MULTIPLY).format(a=a, b=b), a * b)


def _word_problem(rng: Random) -> Item:
    a, b = _operands(rng)
    name, other = random_names(rng, 2)
    details = {"n": name, "m": other, "t": rng.choice(_THINGS), "p": rng.choice(("He", "She"))}
    if rng.random() < 0.5:
        return _item("word", _sum_key(a, b), rng.choice(_WORD_ADD).format(a=a, b=b, **details), a + b)
    b, a = sorted((a, b))
    return _item("word", f"sub {a} {b}", rng.choice(_WORD_SUBTRACT).format(a=a, b=b, **details), a - b)


def generate(rng: Random, _hardness: Hardness) -> Item:
    """Make one arithmetic item."""
    share = rng.random()
    return _bare(rng, share) if share < 0.86 else _word_problem(rng)
