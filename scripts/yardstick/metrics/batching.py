"""How many prompts are answered together: as asked, or as many as a bounded number of tokens holds."""

from __future__ import annotations

# More rows gain little; more tokens only take memory, 1 GB of keys and values in a model of 8 B parameters.
_MOST_ROWS, _MOST_TOKENS = 64, 8192
# Tokens are longer in most texts and vocabularies, so this errs towards small batches.
_BYTES_OF_A_TOKEN = 3


class BatchSize:
    """The size of the next batch.

    Short prompts come in more rows than long ones, since the rows of a batch share its memory. Finding the fastest size by
    trying was no better: what one batch takes says more about its longest answer than about its size.
    """

    def __init__(self, asked: int | None, *, is_together: bool) -> None:
        """Take what was asked; None for what fits, which is one prompt for an engine that answers one by one anyway."""
        self._is_found = asked is None
        self._most = asked or (_MOST_ROWS if is_together else 1)

    def take(self, longest: str, new_tokens: int) -> int:
        """Return how many prompts may be answered together.

        Args:
            longest: text of the longest of them.
            new_tokens: longest answer in tokens.
        """
        tokens = len(longest.encode()) // _BYTES_OF_A_TOKEN + new_tokens
        rows = max(1, _MOST_TOKENS // max(tokens, 1)) if self._is_found else self._most
        return min(rows, self._most)

    def shrink(self, failed: int) -> None:
        """Halve after a batch of ``failed`` prompts did not fit into memory, for good."""
        self._most = max(1, failed // 2)
