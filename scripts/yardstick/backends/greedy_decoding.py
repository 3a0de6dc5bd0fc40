"""Greedy decoding of many prompts, some at a time: a row leaves as its answer ends, and the next prompt takes its place.

One long answer then holds up nobody, which is what costs most of the time in batches of fixed rows.
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
            take: number of the next prompt -> how many rows there may be from then on.
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
        """Compute as many of the next prompts as there is room for, once there is room for some."""
        if self._next == len(self._prompts):
            return
        room = self._take(self._next)
        if self._rows and (len(self._rows) > room * 3 // 4 or not (self._state and self._state.is_joinable)):
            return
        end = min(self._next + room - len(self._rows), len(self._prompts))
        numbers = list(range(self._next, end))
        with self._torch.inference_mode():
            prompts = [self._prompts[number] for number in numbers]
            new = prefill(self._torch, self._model, prompts, device=self._device, pad=self._pad)
            if new is not None and self._rows and self._state:
                new = join(self._torch, [self._state, new])
        self._state, self._next = new, end
        self._rows += numbers
