"""Tell which answers of a batch hold the text at which they end, while they are generated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StopTexts:
    """The texts at which the answers of a batch end.

    Only a token with the last letter of a text can complete it, so text is made of tokens only where one has come.
    """

    def __init__(self, torch: Any, tokenizer: Any, stops: Sequence[Sequence[str]]) -> None:
        self._tokenizer, self._stops = tokenizer, stops
        texts = frozenset(text for stop in stops for text in stop)
        self._can_complete = _completing(torch, tokenizer, texts) if texts else None

    def ended(self, last: Any, tokens: Sequence[list[int]], rows: Sequence[int]) -> list[bool]:
        """Return whether each of some rows holds one of its texts.

        Args:
            last: the newest token of each; shape (rows,).
            tokens: all new tokens of each.
            rows: their numbers in the batch.
        """
        if self._can_complete is None:
            return [False] * len(rows)
        possible = self._can_complete[last.cpu()].tolist()
        return [can and self._holds(ids, row) for can, ids, row in zip(possible, tokens, rows, strict=True)]

    def _holds(self, tokens: list[int], row: int) -> bool:
        if not self._stops[row]:
            return False
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return any(stop in text for stop in self._stops[row])


def _completing(torch: Any, tokenizer: Any, texts: frozenset[str]) -> Any:
    """Return for each token whether it can be the last of one of the texts; shape (vocabulary,).

    A token alone may lose a blank at its beginning, and show a part of a letter as a mark: these count as possible.
    """
    known: dict[frozenset[str], Any] = tokenizer.__dict__.setdefault("_yardstick_completing", {})
    if texts not in known:
        pieces = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
        ends = {text[-1] for text in texts}
        is_any = " " in ends
        possible = [is_any or "\N{REPLACEMENT CHARACTER}" in piece or not ends.isdisjoint(piece) for piece in pieces]
        known[texts] = torch.tensor(possible, dtype=torch.bool)
    return known[texts]
