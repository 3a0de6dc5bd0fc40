"""Everyday facts in several wordings, and comparisons between everyday things."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from yardstick.embedded.families.facts import (
    COLOURS,
    COUNTS,
    LEGS,
    OPPOSITES,
    RANKINGS,
    SOUNDS,
    USES,
    Ranking,
)
from yardstick.embedded.families.sequence import DAYS, MONTHS
from yardstick.embedded.items import Hardness, Item

FAMILY = "common_sense"
_FACT_SHARE = 0.55
_COLOUR_QUESTIONS = (
    "What colour is {x}?",
    "What color is {x}?",
    "What is the colour of {x}?",
    "What is the color of {x}?",
    "Tell me the colour of {x}.",
    "Which colour is {x}?",
    "Which color does {x} have?",
    "Name the color of {x}.",
)
_LEG_QUESTIONS = (
    "How many legs does {x} have?",
    "How many legs has {x} got?",
    "What number of legs does {x} have?",
    "Tell me how many legs {x} has.",
    "How many legs are there on {x}?",
    "Count the legs of {x}.",
)
_OPPOSITE_QUESTIONS = (
    "What is the opposite of {x}?",
    "What is the contrary of {x}?",
    "Name the opposite of {x}.",
    "Tell me the opposite of {x}.",
    "Which word is the opposite of {x}?",
    "What word means the opposite of {x}?",
)
_SOUND_QUESTIONS = (
    "Which animal {x}?",
    "What animal {x}?",
    "Name an animal that {x}.",
    "Which animal is it that {x}?",
    "Tell me which animal {x}.",
    "What is the animal that {x}?",
)
_USE_QUESTIONS = (
    "What do you use to {x}?",
    "What do people use to {x}?",
    "What do you need to {x}?",
    "What do people need to {x}?",
    "Which thing helps you to {x}?",
    "What can you use to {x}?",
    "Name a thing used to {x}.",
    "What is used to {x}?",
    "With what do you {x}?",
)
_AFTER_QUESTIONS = (
    "What {u} comes after {x}?",
    "Which {u} comes after {x}?",
    "Which {u} follows {x}?",
    "What {u} is after {x}?",
    "Name the {u} after {x}.",
    "What comes after {x}?",
)
_BEFORE_QUESTIONS = (
    "What {u} comes before {x}?",
    "Which {u} comes before {x}?",
    "What {u} is before {x}?",
    "Name the {u} before {x}.",
    "Which {u} is just before {x}?",
    "What comes before {x}?",
)
_COUNT_QUESTIONS = (
    "How many {x}?",
    "Tell me how many {x}.",
    "Do you know how many {x}?",
    "Say how many {x}.",
    "Can you tell me how many {x}?",
)
_COMPARE_QUESTIONS = (
    "Which is {w}, {x} or {y}?",
    "What is {w}, {x} or {y}?",
    "Which one is {w}: {x} or {y}?",
    "What is {w}: {x} or {y}?",
    "Is {x} or {y} {w}?",
    "Tell me which is {w}, {x} or {y}.",
)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _facts_about(x: str, questions: tuple[str, ...], answer: str, keyword: str, unit: str = "") -> Iterator[Item]:
    """Yield one fact in each of its wordings; the key is the wording, as the fact itself is meant to be learnt."""
    for template in questions:
        question = template.format(x=x, u=unit)
        yield Item(FAMILY, "fact", f"fact {question}", question, answer, keyword)


def _calendar_facts(names: tuple[str, ...], unit: str) -> Iterator[Item]:
    for i, name in enumerate(names):
        following, preceding = names[(i + 1) % len(names)], names[i - 1]
        yield from _facts_about(name, _AFTER_QUESTIONS, f"The next {unit} is {following}.", following, unit)
        yield from _facts_about(name, _BEFORE_QUESTIONS, f"The {unit} before is {preceding}.", preceding, unit)


def _all_facts() -> Iterator[Item]:
    for thing, colour in COLOURS.items():
        yield from _facts_about(thing, _COLOUR_QUESTIONS, f"{_sentence(thing)} is {colour}.", colour)
    for animal, legs in LEGS.items():
        yield from _facts_about(animal, _LEG_QUESTIONS, f"{_sentence(animal)} has {legs} legs.", str(legs))
    for one, other in OPPOSITES:
        yield from _facts_about(one, _OPPOSITE_QUESTIONS, f"The opposite is {other}.", other)
        yield from _facts_about(other, _OPPOSITE_QUESTIONS, f"The opposite is {one}.", one)
    for sound, animal in SOUNDS.items():
        article = "An" if animal[0] in "aeiou" else "A"
        yield from _facts_about(sound, _SOUND_QUESTIONS, f"{article} {animal} {sound}.", animal)
    for purpose, tool in USES.items():
        yield from _facts_about(purpose, _USE_QUESTIONS, f"You use {tool}.", tool.split()[-1])
    yield from _calendar_facts(DAYS, "day")
    yield from _calendar_facts(MONTHS, "month")
    for things, count in COUNTS.items():
        yield from _facts_about(things, _COUNT_QUESTIONS, f"The answer is {count}.", str(count))


FACTS = tuple(_all_facts())
_RANKING_NAMES = ("size", "size", "size", "speed", "heat", "price")  # size is the longest list, so it is drawn most


def _compare(rng: Random) -> Item:
    name = rng.choice(_RANKING_NAMES)
    ranking: Ranking = RANKINGS[name]
    first, second = rng.sample(range(len(ranking.things)), 2)
    word, wants_more = rng.choice(ranking.words)
    winner = ranking.things[max(first, second) if wants_more else min(first, second)]
    x, y = ranking.things[first], ranking.things[second]
    question = rng.choice(_COMPARE_QUESTIONS).format(w=word, x=x, y=y)
    key = f"compare {name} {min(first, second)} {max(first, second)}"
    return Item(FAMILY, "compare", key, question, f"{_sentence(winner)} is {word}.", winner.split()[-1])


def generate(rng: Random, _hardness: Hardness) -> Item:
    """Make one common-sense item."""
    return rng.choice(FACTS) if rng.random() < _FACT_SHARE else _compare(rng)
