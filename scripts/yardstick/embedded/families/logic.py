"""Ordering chains, places in a race, inverse relations and syllogisms."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from yardstick.embedded.items import Hardness, Item
from yardstick.embedded.lexicon import RELATIONS, random_kinds, random_names

FAMILY = "logic"
_PLACES = ("first", "second", "third")
_RACE_VERBS = (("finishes", "finish"), ("arrives", "arrive"), ("comes in", "come in"))
_RACE_QUESTIONS = (
    "In which place does {n} {v}?",
    "In what place does {n} {v}?",
    "In which position does {n} {v}?",
    "Which place does {n} take?",
    "Which place is for {n}?",
)
_INVERSE_QUESTIONS = (
    "Fill in the missing word: If {a} is {w} than {b}, then {b} is ___ than {a}.",
    "Complete the sentence: If {a} is {w} than {b}, then {b} is ___ than {a}.",
    "Which word is missing? If {a} is {w} than {b}, then {b} is ___ than {a}.",
    "{a} is {w} than {b}, so {b} is ___ than {a}. What is the missing word?",
    "{a} is {w} than {b}. What is {b}, compared with {a}?",
)
_SYLLOGISMS = (  # question, answer, and whether the third kind takes part
    ("All {a} are {b}. All {b} are {c}. Are all {a} {c}?", "Yes, all {a} are {c}.", True),
    ("All {a} are {b}. No {b} are {c}. Are any {a} {c}?", "No, no {a} are {c}.", True),
    ("All {a} are {b}. {n} is one of the {a}. Is {n} one of the {b}?", "Yes, {n} is one of the {b}.", False),
    ("No {a} are {b}. {n} is one of the {a}. Is {n} one of the {b}?", "No, {n} is not one of the {b}.", False),
    ("All {a} are {b}. No {c} are {b}. Are any {a} {c}?", "No, no {a} are {c}.", True),
    ("Some {a} are {b}. All {b} are {c}. Are some {a} {c}?", "Yes, some {a} are {c}.", True),
)


def _chain_sentences(rng: Random, names: list[str], above: str, below: str, hardness: Hardness) -> list[str]:
    """State the order of neighbouring names; `names` goes from the highest to the lowest."""
    sentences = []
    for high, low in pairwise(names):
        if rng.random() >= hardness.invert:
            sentences.append(f"{high} {above} {low}.")
        else:
            sentences.append(f"{low} {below} {high}.")
    if rng.random() < hardness.shuffle:
        rng.shuffle(sentences)
    return sentences


def _chain_yes_no(rng: Random, key: str, facts: str, names: list[str], words: tuple[str, str], inverse: bool) -> Item:
    """Ask whether the order of two names of the chain is as stated."""
    first, second = rng.sample(range(len(names)), 2)
    word = words[1] if inverse else words[0]
    subject, other = names[first], names[second]
    question = f"{facts} Is {subject} {word} than {other}?"
    if (first < second) != inverse:
        return Item(FAMILY, "chain-yes-no", key, question, f"Yes, {subject} is {word} than {other}.", "yes")
    return Item(FAMILY, "chain-yes-no", key, question, f"No, {subject} is not {word} than {other}.", "no")


def _chain(rng: Random, hardness: Hardness) -> Item:
    length = rng.choices((2, 3, 4), (0.08, 0.8, 0.12))[0]
    names = random_names(rng, length)
    up, down, top, bottom = rng.choice(RELATIONS)
    facts = " ".join(_chain_sentences(rng, names, f"is {up} than", f"is {down} than", hardness))
    key = f"chain {up} {' '.join(names)}"
    share = rng.random()
    if share >= 0.72:
        return _chain_yes_no(rng, key, facts, names, (up, down), rng.random() < hardness.inverse_question)
    superlative, winner = (top, names[0]) if share < 0.36 else (bottom, names[-1])
    question = f"{facts} Who is the {superlative}?"
    return Item(FAMILY, f"chain-{length}", key, question, f"{winner} is the {superlative}.", winner)


def _race_opening(rng: Random, names: list[str]) -> str:
    share = rng.random()
    if share < 0.25:
        return ""
    if share < 0.5:
        first, second, third = rng.sample(names, 3)
        return f"{first}, {second} and {third} run a race. "
    return rng.choice(("Three friends run a race. ", "Three people run a race. ", "Three children are in a race. "))


def _race(rng: Random, hardness: Hardness) -> Item:
    names = random_names(rng, 3)
    verb, infinitive = rng.choice(_RACE_VERBS)
    facts = " ".join(_chain_sentences(rng, names, f"{verb} before", f"{verb} after", hardness))
    place = rng.randrange(3)
    question = rng.choice(_RACE_QUESTIONS).format(n=names[place], v=infinitive)
    text = f"{_race_opening(rng, names)}{facts} {question}"
    return Item(FAMILY, "race", f"race {' '.join(names)}", text, f"The answer is {_PLACES[place]}.", _PLACES[place])


def _inverse(rng: Random) -> Item:
    a, b = random_names(rng, 2)
    up, down, _, _ = rng.choice(RELATIONS)
    word, inverse = (up, down) if rng.random() < 0.5 else (down, up)
    question = rng.choice(_INVERSE_QUESTIONS).format(a=a, b=b, w=word)
    return Item(FAMILY, "inverse", f"inverse {word} {a} {b}", question, f"The word is {inverse}.", inverse)


def _syllogism(rng: Random) -> Item:
    a, b, c = random_kinds(rng, 3)
    words = {"a": a, "b": b, "c": c, "n": random_names(rng, 1)[0]}
    question, answer, uses_third = rng.choice(_SYLLOGISMS)
    key = f"syllogism {a} {b} {c}" if uses_third else f"syllogism {a} {b}"
    text = answer.format(**words)
    return Item(FAMILY, "syllogism", key, question.format(**words), text, text.split(",")[0].lower())


def generate(rng: Random, hardness: Hardness) -> Item:
    """Make one logic item."""
    share = rng.random()
    if share < 0.5:
        return _chain(rng, hardness)
    if share < 0.72:
        return _race(rng, hardness)
    if share < 0.84:
        return _inverse(rng)
    return _syllogism(rng)
