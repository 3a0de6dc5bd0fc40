"""End each answer of a batch at the first of some texts, while it is generated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StopTexts:
    """A stopping criterion for `generate` that ends rows one by one.

    Only a token with the last letter of a text can complete it, so text is made of tokens only where one has come.

    Attributes:
        lengths: new tokens of each row that was ended, None for one that was not.
    """

    def __init__(self, torch: Any, tokenizer: Any, stops: Sequence[Sequence[str]], *, prompt_length: int) -> None:
        self._torch, self._tokenizer = torch, tokenizer
        self._stops = stops
        self._prompt_length = prompt_length
        self._can_complete = _completing(torch, tokenizer, frozenset(text for stop in stops for text in stop))
        self.lengths: list[int | None] = [None] * len(stops)

    def __call__(self, input_ids: Any, scores: Any, **_options: Any) -> Any:
        """Return which rows have ended; shape (rows,)."""
        length = input_ids.shape[1] - self._prompt_length
        last = input_ids[:, -1]
        for row in self._can_complete[last.cpu()].nonzero()[:, 0].tolist():
            if self.lengths[row] is None and self._stops[row]:
                text = self._tokenizer.decode(input_ids[row, self._prompt_length :], skip_special_tokens=True)
                if any(stop in text for stop in self._stops[row]):
                    self.lengths[row] = length
        ended = [found is not None for found in self.lengths]
        return self._torch.tensor(ended, dtype=self._torch.bool, device=input_ids.device)


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
