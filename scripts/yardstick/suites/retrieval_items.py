"""Long texts with hidden numbers, made from a seed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from yardstick.suites.items import Item

_LETTERS_PER_TOKEN = 4
_THINGS = ("lamp", "bridge", "garden", "letter", "boat", "clock", "window", "road", "mill", "tower", "field", "coat")
_SHADES = ("grey", "green", "old", "small", "quiet", "bright", "heavy", "narrow", "wooden", "distant", "warm", "plain")
_DEEDS = (
    "stands behind the house",
    "is seen from the hill",
    "was painted last summer",
    "belongs to the baker",
    "is older than the town",
    "waits by the river",
    "was sold in the market",
    "is kept in the cellar",
)
_NAMES = ("Ada", "Bruno", "Clara", "Dario", "Edith", "Felix", "Greta", "Hugo", "Irma", "Jonas", "Karin", "Linus")


def make_items(
    lengths: Sequence[int], depths: Sequence[float], keys: Sequence[int], repeats: int, seed: int
) -> list[Item]:
    """Return one item for each length, number of keys, depth and repeat; each depends on the seed and its own id alone."""
    places = itertools.product(lengths, keys, range(len(depths)), range(repeats))
    return [_item(length, count, depths[at], f"at-{at}-{repeat}", seed) for length, count, at, repeat in places]


def _item(length: int, keys: int, depth: float, place: str, seed: int) -> Item:
    name = f"tokens-{length}-keys-{keys}-{place}"
    rng = random.Random(f"{seed} {name}")
    numbers = rng.sample(range(10_000, 100_000), keys)
    people = [
        _NAMES[at % len(_NAMES)] + (f" {at // len(_NAMES) + 1}" if at >= len(_NAMES) else "") for at in range(keys)
    ]
    people = rng.sample(people, keys)
    facts = [f"The secret number of {person} is {number}." for person, number in zip(people, numbers, strict=True)]
    sentences = _filler(rng, length * _LETTERS_PER_TOKEN - sum(map(len, facts)))
    # The fact that is asked for stands at the depth, the others anywhere.
    for fact in facts[1:]:
        sentences.insert(rng.randint(0, len(sentences)), fact)
    sentences.insert(round(depth * len(sentences)), facts[0])
    question = f"{' '.join(sentences)}\n\nWhat is the secret number of {people[0]}?"
    expected = {"accept": [str(numbers[0])], "reject": [str(number) for number in numbers[1:]]}
    return Item(name, f"{'needle' if keys == 1 else 'multi_key'}_{length}", question, expected)


def _filler(rng: random.Random, letters: int) -> list[str]:
    sentences: list[str] = []
    while letters > 0:
        sentences.append(f"The {rng.choice(_SHADES)} {rng.choice(_THINGS)} {rng.choice(_DEEDS)}.")
        letters -= len(sentences[-1]) + 1
    return sentences
