"""Greedy decoding of a batch whose rows leave it as they end, so that one long answer does not hold up all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yardstick.backends.prefill import forward, prefill
from yardstick.backends.stop_texts import StopTexts


def decode(
    torch: Any,
    model: Any,
    prompts: Sequence[list[int]],
    most: int,
    *,
    end_ids: list[int],
    until: StopTexts,
    device: str,
    pad: int,
) -> list[list[int]] | None:
    """Return the new tokens of each row, the end of text with them; None for a model that this is not for.

    Args:
        torch: the library.
        model: a causal language model.
        prompts: ids of the prompts.
        most: new tokens of the longest answer.
        end_ids: ids that end a text.
        until: says which rows have ended by a text.
        device: where the model is.
        pad: id of any token.
    """
    with torch.inference_mode():
        start = prefill(torch, model, prompts, device=device, pad=pad)
        if start is None:
            return None
        logits, cache, mask = start.logits, start.cache, start.mask
        found: list[list[int]] = [[] for _ in prompts]
        rows = list(range(len(prompts)))
        while True:
            last = logits.argmax(-1)
            for row, token in zip(rows, last.tolist(), strict=True):
                found[row].append(token)
            ended = until.ended(last, [found[row] for row in rows], rows)
            kept = [
                place
                for place, row in enumerate(rows)
                if not ended[place] and found[row][-1] not in end_ids and len(found[row]) < most
            ]
            if not kept:
                return found
            if len(kept) < len(rows):
                picked = torch.tensor(kept, device=device)
                cache.batch_select_indices(picked)
                mask, last, rows = mask[picked], last[picked], [rows[place] for place in kept]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            logits = forward(model, last[:, None], mask, past_key_values=cache, use_cache=True).logits[:, -1].float()
