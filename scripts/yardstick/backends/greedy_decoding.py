"""Greedy decoding of many prompts, a batch at a time, in which no long answer holds up the others.

A row leaves its batch as its answer ends. The last quarter of a batch is put aside while there are other prompts, and such
rows of several batches are decoded together. To give their places to new prompts at once was slower: one long row makes
the keys and values of all rows that are beside it wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from yardstick.backends.prefill import Prefilled, forward, join, prefill
from yardstick.backends.stop_texts import StopTexts


class Decoder:
    """Decodes prompts until each has ended.

    Attributes:
        found: new tokens of each prompt, the end of text with them; complete for those that `steps` has named.
    """

    def __init__(
        self,
        torch: Any,
        model: Any,
        prompts: Sequence[list[int]],
        most: int,
        *,
        end_ids: list[int],
        until: StopTexts,
        take: Callable[[int], int],
        device: str,
        pad: int,
    ) -> None:
        """Take what is to be decoded.

        Args:
            torch: the library.
            model: a causal language model.
            prompts: ids of the prompts, the longest first.
            most: new tokens of the longest answer.
            end_ids: ids that end a text.
            until: says which prompts' answers have ended by a text.
            take: number of the next prompt -> how many rows its batch may have.
            device: where the model is.
            pad: id of any token.
        """
        self._torch, self._model, self._prompts, self._most = torch, model, prompts, most
        self._end_ids, self._until, self._take = end_ids, until, take
        self._device, self._pad = device, pad
        self.found: list[list[int]] = [[] for _ in prompts]
        self._rows: list[int] = []
        self._next = 0
        self._state: Prefilled | None = None
        self._aside: list[tuple[list[int], Prefilled]] = []

    def start(self) -> bool:
        """Compute the first prompts; False for a model that this is not for."""
        self._fill()
        return self._state is not None

    def steps(self) -> Iterator[list[int]]:
        """Yield the numbers of prompts whose answers have ended, as they do."""
        while self._rows:
            if ended := self._step():
                yield ended

    def _step(self) -> list[int]:
        """Decode a token of each row, and return the prompts that ended with it."""
        state, torch = self._state, self._torch
        assert state is not None
        with torch.inference_mode():
            last = state.logits.argmax(-1)
            for row, token in zip(self._rows, last.tolist(), strict=True):
                self.found[row].append(token)
            by_text = self._until.ended(last, [self.found[row] for row in self._rows], self._rows)
            ended = [row for row, has_ended in zip(self._rows, by_text, strict=True) if has_ended or self._is_full(row)]
            kept = [place for place, row in enumerate(self._rows) if row not in ended]
            if kept:
                self._state = self._advance(state, last, kept)
            self._rows = [self._rows[place] for place in kept]
            self._fill()
        return ended

    def _is_full(self, row: int) -> bool:
        return self.found[row][-1] in self._end_ids or len(self.found[row]) == self._most

    def _advance(self, state: Prefilled, last: Any, kept: list[int]) -> Prefilled:
        mask, cache = state.mask, state.cache
        if len(kept) < len(mask):
            picked = self._torch.tensor(kept, device=self._device)
            cache.batch_select_indices(picked)
            mask, last = mask[picked], last[picked]
        mask = self._torch.cat([mask, mask.new_ones(len(kept), 1)], dim=1)
        logits = forward(self._model, last[:, None], mask, past_key_values=cache, use_cache=True).logits
        return Prefilled(logits[:, -1].float(), cache, mask)

    def _fill(self) -> None:
        """Put what is left of a batch aside, or begin another, where it is time to."""
        is_last = self._next == len(self._prompts)
        room = self._take(self._next) if not is_last else len(self._prompts)
        if self._rows:
            if is_last or len(self._rows) > room // 4 or not (self._state and self._state.is_joinable):
                return
            self._aside.append((self._rows, self._state))
        waiting = sum(len(rows) for rows, _ in self._aside)
        with self._torch.inference_mode():
            if waiting and (is_last or waiting >= room // 2):
                self._rows = [row for rows, _ in self._aside for row in rows]
                self._state = join(self._torch, [state for _, state in self._aside])
                self._aside = []
            else:
                self._rows = list(range(self._next, min(self._next + room, len(self._prompts)))) if not is_last else []
                self._next += len(self._rows)
                prompts = [self._prompts[row] for row in self._rows]
                self._state = self._prefilled(prompts) if prompts else None

    def _prefilled(self, prompts: Sequence[list[int]]) -> Prefilled | None:
        return prefill(self._torch, self._model, prompts, device=self._device, pad=self._pad)
