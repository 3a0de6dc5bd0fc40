"""Functions to write as items, and a family of them that is made from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from yardstick.suites.items import Item

_CASES = 6


def function_item(
    *, id: str, category: str, signature: str, does: str, tests: Sequence[Mapping[str, Any]]
) -> Item:  # the file's own name for it is `id`
    """Return a function to write: the model gets signature and docstring, the scorer the tests."""
    header = f'{signature}\n    """{does}"""'
    name = signature.removeprefix("def ").partition("(")[0]
    return Item(id, category, header, {"function": name, "header": header, "tests": [dict(test) for test in tests]})


_Step = tuple[str, Callable[[list[int]], list[int]]]


def _keep(rng: random.Random) -> _Step:
    n = rng.randint(2, 5)
    return f"keep the numbers that are divisible by {n}", lambda xs: [x for x in xs if x % n == 0]


def _drop(rng: random.Random) -> _Step:
    n = rng.randint(-10, 30)
    return f"drop the numbers that are less than {n}", lambda xs: [x for x in xs if x >= n]


def _add(rng: random.Random) -> _Step:
    n = rng.randint(2, 19)
    return f"add {n} to each number", lambda xs: [x + n for x in xs]


def _scale(rng: random.Random) -> _Step:
    n = rng.randint(2, 9)
    return f"multiply each number by {n}", lambda xs: [x * n for x in xs]


def _square(rng: random.Random) -> _Step:
    return "replace each number by its square", lambda xs: [x * x for x in xs]


def _negate(rng: random.Random) -> _Step:
    return "change the sign of each number", lambda xs: [-x for x in xs]


def _reverse(rng: random.Random) -> _Step:
    return "reverse the order", lambda xs: xs[::-1]


def _sort(rng: random.Random) -> _Step:
    return "sort the numbers from small to large", lambda xs: sorted(xs)


def _unique(rng: random.Random) -> _Step:
    return "remove repeats, keeping the first of each number", lambda xs: list(dict.fromkeys(xs))


def _every(rng: random.Random) -> _Step:
    n = rng.randint(2, 3)
    return f"take every {n}{'nd' if n == 2 else 'rd'} number, beginning with the first", lambda xs: xs[::n]


def _sums(rng: random.Random) -> _Step:
    def running(xs: list[int]) -> list[int]:
        return [sum(xs[: place + 1]) for place in range(len(xs))]

    return "replace each number by the sum of all numbers up to it", running


_STEPS = (_keep, _drop, _add, _scale, _square, _negate, _reverse, _sort, _unique, _every, _sums)


def procedural_items(count: int, seed: int) -> list[Item]:
    """Return so many functions that take a list through 1, 2, 3, 4 steps in turn; a larger count only adds some."""
    return [_procedural_item(number, random.Random(f"{seed} {number}")) for number in range(count)]


def _procedural_item(number: int, rng: random.Random) -> Item:
    depth = 1 + number % 4
    steps = [make(rng) for make in rng.sample(_STEPS, depth)]
    words = [text for text, _ in steps]
    does = "Take a list of whole numbers: " + ", then ".join(words) + ". Return the list."
    tests = []
    for case in range(_CASES):
        given = [rng.randint(-40, 60) for _ in range(rng.randint(5, 9) if case else 0)]
        value = list(given)
        for _, step in steps:
            value = step(value)
        tests.append({"given": [given], "expected": value})
    return function_item(
        id=f"steps-{depth}-{number:03}",
        category=f"procedural_{('one', 'two', 'three', 'four')[depth - 1]}",
        signature="def transform(numbers: list[int]) -> list[int]:",
        does=does,
        tests=tests,
    )
