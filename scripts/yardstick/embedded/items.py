"""The unit of the corpus: one generated question with its answer."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from random import Random
from typing import NamedTuple

HELD_OUT_SHARE = 8  # one instance in eight is never trained on


class Item(NamedTuple):
    """A question, its answer, and the key of the instance that both are about.

    The key names the instance and not its wording (the operands of a sum, the names of a chain), so that every wording
    of one instance falls on the same side of the split.
    """

    family: str
    kind: str
    key: str
    question: str
    answer: str
    keyword: str


class Hardness(NamedTuple):
    """How often the logic families turn a relation round, shuffle their sentences, or ask the inverse question."""

    invert: float
    shuffle: float
    inverse_question: float

    def scaled(self, factor: float) -> Hardness:
        """Return the same hardness, weakened by a factor between 0 and 1."""
        return Hardness(self.invert * factor, self.shuffle * factor, self.inverse_question * factor)


FULL_HARDNESS = Hardness(invert=0.3, shuffle=0.4, inverse_question=0.5)

Generator = Callable[[Random, Hardness], Item]


def is_held_out(key: str) -> bool:
    """Say whether an instance belongs to the held-out split."""
    return zlib.crc32(key.encode()) % HELD_OUT_SHARE == 0
