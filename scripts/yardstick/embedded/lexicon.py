"""Names and other open word lists, shared by several question families."""

from __future__ import annotations

from random import Random


def words(text: str) -> tuple[str, ...]:
    """Split a list of words at its spaces."""
    return tuple(text.split())


NAMES = words(
    """Tom Ann Bob Mary John Sue Alice Carol Dave Eve Frank Grace Henry Ivy Jack Kate Leo Mia Nina Oscar Paul Quinn Rosa
    Sam Tina Uma Victor Wendy Xena Yan Zoe Ben Clara Dan Emma Fred Gina Hugo Ian Jane Ken Lisa Max Nora Olga Peter Ruth
    Simon Tess Vera Will Adam Bella Carl Diana Eric Fay Gary Helen Anna Charlie James Lucy Mark Sarah Mike Laura"""
)
KINDS = words(
    """cats dogs birds fish roses trees cars boats animals plants pets flowers tools machines toys apples fruits doctors
    teachers"""
)
RELATIONS = (  # comparative, its inverse, and the two superlatives
    ("taller", "shorter", "tallest", "shortest"),
    ("older", "younger", "oldest", "youngest"),
    ("faster", "slower", "fastest", "slowest"),
    ("heavier", "lighter", "heaviest", "lightest"),
    ("stronger", "weaker", "strongest", "weakest"),
    ("richer", "poorer", "richest", "poorest"),
    ("bigger", "smaller", "biggest", "smallest"),
)
INVENTED_NAME_SHARE = 0.1  # invented names teach the model to copy a name letter by letter
INVENTED_KIND_SHARE = 0.3

_CONSONANTS = "bcdfgklmnprstvz"
_VOWELS = "aeiou"


def invented_word(rng: Random, syllables: int) -> str:
    """Make up a word of open syllables."""
    return "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(syllables))


def random_names(rng: Random, count: int) -> list[str]:
    """Draw different names, some of them invented."""
    names: list[str] = []
    while len(names) < count:
        invented = rng.random() < INVENTED_NAME_SHARE
        name = invented_word(rng, rng.choice((2, 2, 3))).capitalize() if invented else rng.choice(NAMES)
        if name not in names:
            names.append(name)
    return names


def random_kinds(rng: Random, count: int) -> list[str]:
    """Draw different plural nouns, some of them invented."""
    kinds: list[str] = []
    while len(kinds) < count:
        kind = invented_word(rng, 2) + "s" if rng.random() < INVENTED_KIND_SHARE else rng.choice(KINDS)
        if kind not in kinds:
            kinds.append(kind)
    return kinds
