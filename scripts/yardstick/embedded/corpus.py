"""Generates the training text: items from all families, inside the wrappers in which a model may be asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from random import Random
from typing import NamedTuple

from yardstick.embedded.families import arithmetic, common_sense, logic, sequence
from yardstick.embedded.items import FULL_HARDNESS, Generator, Hardness, Item, is_held_out
from yardstick.embedded.suite_guard import SuiteGuard

FAMILIES: dict[str, tuple[Generator, float]] = {  # the share of each family in the text
    arithmetic.FAMILY: (arithmetic.generate, 0.34),
    logic.FAMILY: (logic.generate, 0.28),
    common_sense.FAMILY: (common_sense.generate, 0.13),
    sequence.FAMILY: (sequence.generate, 0.25),
}
_GENERATORS = [generator for generator, _ in FAMILIES.values()]
_SHARES = [share for _, share in FAMILIES.values()]


class Wrapper(NamedTuple):
    """How a question is put to the model, and what stands between it and the answer."""

    prompt: str
    separator: str


WRAPPERS: dict[str, tuple[Wrapper, float]] = {  # the share of each wrapper in the text
    "plain": (Wrapper("{question}", "\n"), 0.3),
    "question-answer": (Wrapper("Question: {question}\nAnswer:", " "), 0.35),
    "chat": (Wrapper("User: {question}\nAssistant:", " "), 0.35),
}
_WRAPPERS = [wrapper for wrapper, _ in WRAPPERS.values()]
_WRAPPER_SHARES = [share for _, share in WRAPPERS.values()]


class Example(NamedTuple):
    """One training text: the prompt is context, the completion is what the model learns to write."""

    prompt: str
    completion: str
    item: Item


def draw_item(rng: Random, guard: SuiteGuard, hardness: Hardness = FULL_HARDNESS, held_out: bool = False) -> Item:
    """Draw an item of one split that the suite guard lets through."""
    while True:
        generator = rng.choices(_GENERATORS, _SHARES)[0]
        item = generator(rng, hardness)
        if is_held_out(item.key) == held_out and not guard.blocks(item):
            return item


def wrap(rng: Random, item: Item) -> Example:
    """Put an item into one of the wrappers."""
    wrapper = rng.choices(_WRAPPERS, _WRAPPER_SHARES)[0]
    return Example(wrapper.prompt.format(question=item.question), wrapper.separator + item.answer, item)


def training_examples(seed: int, count: int, guard: SuiteGuard, curriculum: float = 0.0) -> Iterator[Example]:
    """Generate the training text in its order; the logic items reach full hardness after the share `curriculum`."""
    rng = Random(seed)
    for index in range(count):
        progress = min(1.0, index / (curriculum * count)) if curriculum else 1.0
        yield wrap(rng, draw_item(rng, guard, FULL_HARDNESS.scaled(progress)))


def unique_items(seed: int, draws: int, guard: SuiteGuard, held_out: bool) -> list[Item]:
    """Draw items of one split and keep each question once."""
    rng = Random(seed)
    unique: dict[str, Item] = {}
    for _ in range(draws):
        item = draw_item(rng, guard, held_out=held_out)
        unique.setdefault(item.question, item)
    return list(unique.values())


def digest(examples: Iterable[Example]) -> str:
    """Return the SHA-256 of a stream of examples, which identifies a training text."""
    hasher = hashlib.sha256()
    for example in examples:
        hasher.update(f"{example.prompt}\0{example.completion}\0".encode())
    return hasher.hexdigest()
