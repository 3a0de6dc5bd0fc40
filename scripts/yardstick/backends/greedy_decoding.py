"""Greedy decoding of a batch whose rows leave it as they end, so that one long answer does not hold up all others."""

from __future__ import annotations

from typing import Any

from yardstick.backends.likelihoods import forward, is_pickable
from yardstick.backends.stop_texts import StopTexts


def decode(
    torch: Any, model: Any, ids: Any, mask: Any, most: int, *, end_ids: list[int], until: StopTexts
) -> list[list[int]] | None:
    """Return the new tokens of each row, the end of text with them; None for a model that this is not for.

    Args:
        torch: the library.
        model: a causal language model.
        ids: tokens of the prompts, padded on the left; shape (rows, tokens).
        mask: 0 where a token is padding; the same shape.
        most: new tokens of the longest answer.
        end_ids: ids that end a text.
        until: says which rows have ended by a text.
    """
    # A model that prepares its inputs in a way of its own needs the library's loop.
    if "prepare_inputs_for_generation" in vars(type(model)):
        return None
    with torch.inference_mode():
        out = forward(model, ids, mask, use_cache=True, last_only=True)
        cache: Any = getattr(out, "past_key_values", None)
        if not is_pickable(cache):
            return None
        found: list[list[int]] = [[] for _ in range(len(ids))]
        rows = list(range(len(ids)))
        while True:
            last = out.logits[:, -1].float().argmax(-1)
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
                picked = torch.tensor(kept, device=ids.device)
                cache.batch_select_indices(picked)
                mask, last, rows = mask[picked], last[picked], [rows[place] for place in kept]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            out = forward(model, last[:, None], mask, past_key_values=cache, use_cache=True)
