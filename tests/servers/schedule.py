"""What a fake server says and when: a scripted model, and a schedule with absolute deadlines."""

from __future__ import annotations

import hashlib
import itertools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

VOCABULARY = 1000
END_ID = 0


@dataclass(frozen=True)
class Schedule:
    """When chunks leave the server, counted from the arrival of the request.

    Attributes:
        ttft_ms: from the arrival to the first chunk, for a prompt of which nothing is cached.
        gaps_ms: from each chunk to the next, repeated as often as needed.
        tokens_per_chunk: tokens in each chunk, repeated as often as needed.
        withheld: chunks whose text comes only with the next one, as when a character's last byte is missing.
    """

    ttft_ms: float = 0.0
    gaps_ms: Sequence[float] = (0.0,)
    tokens_per_chunk: Sequence[int] = (1,)
    withheld: Sequence[int] = ()


@dataclass(frozen=True)
class ScriptedModel:
    """A model without weights: tokens are a hash of the prompt, so the same prompt gives the same answer.

    Attributes:
        ends_after: tokens after which it wants to end, the end of text counted; None for never.
        repeats_from: token from which on it says the same for ever, None for never.
    """

    ends_after: int | None = None
    repeats_from: int | None = None

    def tokenize(self, text: str) -> list[int]:
        """Return one id per word, so that counts can be checked by hand."""
        return [1 + zlib.crc32(word.encode()) % (VOCABULARY - 1) for word in text.split()]

    def answer(self, prompt: Sequence[int], most: int, *, can_end: bool, least: int = 0) -> list[int]:
        """Return the ids that follow a prompt.

        Args:
            prompt: its ids.
            most: tokens after which the answer is cut.
            can_end: whether an end of text ends it; otherwise it is a token like any other.
            least: tokens before which the end of text cannot be chosen.
        """
        answer: list[int] = []
        for place in range(most):
            wants_to_end = place + 1 == self.ends_after and place >= least
            answer.append(END_ID if wants_to_end else self._token(prompt, place))
            if wants_to_end and can_end:
                break
        return answer

    def _token(self, prompt: Sequence[int], place: int) -> int:
        place = place if self.repeats_from is None else min(place, self.repeats_from)
        digest = hashlib.sha256(repr((list(prompt), place)).encode()).digest()
        return 1 + int.from_bytes(digest[:4], "big") % (VOCABULARY - 1)


def text_of(ids: Sequence[int]) -> str:
    """Return the text of tokens; the end of text has none."""
    return "".join(f" w{token}" for token in ids if token != END_ID)


@dataclass(frozen=True)
class Chunk:
    """Tokens that leave together.

    Attributes:
        ids: the tokens.
        text: their text, with what was withheld before; empty where it is withheld or there is none.
        due_s: seconds from the arrival of the request.
        is_withheld: whether the text is still to come.
    """

    ids: tuple[int, ...]
    text: str
    due_s: float
    is_withheld: bool


@dataclass(frozen=True)
class Plan:
    """One answer, before it is sent.

    Attributes:
        prompt: ids of the prompt.
        cached: how many of them came from the cache.
        chunks: the answer.
        is_cut: whether the limit was reached before the end of text.
    """

    prompt: tuple[int, ...]
    cached: int
    chunks: tuple[Chunk, ...]
    is_cut: bool

    @property
    def ids(self) -> list[int]:
        return [token for chunk in self.chunks for token in chunk.ids]

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def prefill_s(self) -> float:
        return self.chunks[0].due_s if self.chunks else 0.0

    @property
    def decode_s(self) -> float:
        return self.chunks[-1].due_s - self.chunks[0].due_s if self.chunks else 0.0


def planned(schedule: Schedule, prompt: Sequence[int], cached: int, ids: Sequence[int], *, is_cut: bool) -> Plan:
    """Return tokens in chunks with their deadlines; the prefill is shorter by the share of the prompt that is cached."""
    due_s = schedule.ttft_ms / 1000 * (len(prompt) - cached) / max(1, len(prompt))
    chunks: list[Chunk] = []
    held: list[int] = []
    sizes, gaps = itertools.cycle(schedule.tokens_per_chunk), itertools.cycle(schedule.gaps_ms)
    start = 0
    while start < len(ids):
        taken = tuple(ids[start : start + next(sizes)])
        start += len(taken)
        held += taken
        is_withheld = len(chunks) in schedule.withheld and start < len(ids)
        chunks.append(Chunk(taken, "" if is_withheld else text_of(held), due_s, is_withheld))
        held = held if is_withheld else []
        due_s += next(gaps) / 1000
    return Plan(tuple(prompt), cached, tuple(chunks), is_cut)
