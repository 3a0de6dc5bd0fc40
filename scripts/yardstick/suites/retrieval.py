"""A suite of facts to be found in long texts: its file's fields."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from yardstick.suites.base import BaseSuite
from yardstick.suites.items import Asked, Document, Item
from yardstick.validation import going_up


class RetrievalSuite(BaseSuite):
    """Numbers hidden in a text at several depths, up to the longest text that a model's context holds."""

    generator: ClassVar[str | None] = "yardstick.suites.retrieval_items"
    scorer: ClassVar[str] = "yardstick.suites.keyword_match"

    kind: Literal["retrieval"] = Field(description="retrieval: numbers to find in long procedural texts")
    seed: int = Field(ge=0, lt=2**31, description="seed of the texts, a whole number from 0")
    lengths: Annotated[list[Annotated[int, Field(ge=64, le=10_000_000)]], AfterValidator(going_up)] = Field(
        min_length=1, description="lengths of the texts in tokens of about four letters, going up"
    )
    depths: list[Annotated[float, Field(ge=0, le=1, strict=False)]] = Field(
        min_length=1, description="where the number stands: 0 at the beginning of the text, 1 at its end"
    )
    keys: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        min_length=1, description="numbers in a text, of which one is asked for: 1 is the needle in the haystack"
    )
    repeats: int = Field(ge=1, le=100, description="texts of each length, depth and number of keys, from 1")

    def misfit(self, asked: Asked) -> str | None:
        """Return that not even the shortest text fits, or None."""
        if self._lengths(asked):
            return None
        return f"its shortest text of {self.lengths[0]} tokens does not fit into a context of {asked.context_length}"

    def items(self, asked: Asked) -> list[Item]:
        """Return the texts that the model's context holds."""
        from yardstick.suites.retrieval_items import make_items

        return make_items(self._lengths(asked), self.depths, self.keys, self.repeats, self.seed)

    def answers_document(self, asked: Asked) -> Document:
        """Return what makes the texts."""
        return {
            "prompt": self.prompt(asked),
            "max_new_tokens": self.max_new_tokens,
            "lengths": self._lengths(asked),
            **self.model_dump(include={"seed", "depths", "keys", "repeats"}),
        }

    def expected_document(self, asked: Asked) -> Document:
        """Return nothing: what is expected follows from what makes the texts."""
        return {}

    def _lengths(self, asked: Asked) -> list[int]:
        # Tokenizers differ: some need a third more tokens than one for four letters.
        return [length for length in self.lengths if 1.4 * length + self.max_new_tokens + 64 <= asked.context_length]
