"""Compute the prompts of a batch: their keys and values, and what comes behind each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# Tokens of one pass. More of them fall out of a processor's caches, and take memory on an accelerator.
_MOST_TOKENS = 4096
# Layers of caches whose rows can be picked and dropped; to some, rows can be added too.
_PICKABLE, _JOINABLE = {"DynamicLayer", "DynamicSlidingWindowLayer"}, {"DynamicLayer"}


@dataclass(frozen=True)
class Prefilled:
    """A batch of prompts, padded on the left.

    Attributes:
        logits: of the token behind each prompt; shape (rows, vocabulary).
        cache: keys and values.
        mask: 0 where a position is padding; shape (rows, positions).
    """

    logits: Any
    cache: Any
    mask: Any

    @property
    def is_joinable(self) -> bool:
        """Whether other rows can be added."""
        return _layers(self.cache) <= _JOINABLE


def prefill(torch: Any, model: Any, prompts: Sequence[list[int]], *, device: str, pad: int) -> Prefilled | None:
    """Compute prompts, some at a time; None for a model that keeps no keys and values, or in a way of its own.

    Args:
        torch: the library.
        model: a causal language model.
        prompts: ids of each; none is empty.
        device: where the model is.
        pad: id of any token.
    """
    # A model that prepares its inputs itself needs the library's loop.
    if not type(model).prepare_inputs_for_generation.__qualname__.startswith("GenerationMixin."):
        return None
    parts = []
    for chunk in _chunks(prompts):
        parts.append(_pass(torch, model, chunk, device, pad))
        if not _layers(parts[0].cache) <= _PICKABLE:
            return None
        if not parts[0].is_joinable:
            return _pass(torch, model, prompts, device, pad)
    return join(torch, parts)


def join(torch: Any, parts: Sequence[Prefilled]) -> Prefilled:
    """Return parts as one batch, which is as wide as its longest row; the first part's cache is used up."""
    if len(parts) == 1:
        return parts[0]
    width = max(int(part.mask.sum(dim=1).max()) for part in parts)
    cache = parts[0].cache
    for number, layer in enumerate(cache.layers):
        for name in ("keys", "values"):
            found = [_of_width(torch, getattr(part.cache.layers[number], name), width, 2) for part in parts]
            setattr(layer, name, torch.cat(found))
    masks = [_of_width(torch, part.mask, width, 1) for part in parts]
    return Prefilled(torch.cat([part.logits for part in parts]), cache, torch.cat(masks))


def forward(model: Any, ids: Any, mask: Any, *, last_only: bool = False, **options: Any) -> Any:
    """Run the model on tokens whose mask, with those of the cache before them, says which are padding."""
    known = inspect.signature(model.forward).parameters
    if "position_ids" in known:
        positions = (mask.long().cumsum(-1) - 1).clamp(min=0)
        options["position_ids"] = positions[:, -ids.shape[1] :]
    if last_only and "logits_to_keep" in known:
        options["logits_to_keep"] = 1
    return model(input_ids=ids, attention_mask=mask, **options)


def _layers(cache: Any) -> set[str]:
    """Return the kinds of a cache's layers, or one that is not known."""
    return {type(layer).__name__ for layer in cache.layers} if type(cache).__name__ == "DynamicCache" else {"other"}


def _chunks(prompts: Sequence[list[int]]) -> Iterator[Sequence[list[int]]]:
    start, width = 0, 0
    for place, prompt in enumerate(prompts):
        width = max(width, len(prompt))
        if place > start and width * (place - start + 1) > _MOST_TOKENS:
            yield prompts[start:place]
            start, width = place, len(prompt)
    yield prompts[start:]


def _pass(torch: Any, model: Any, prompts: Sequence[list[int]], device: str, pad: int) -> Prefilled:
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    out = forward(model, ids, mask, use_cache=True, last_only=True)
    return Prefilled(out.logits[:, -1].float(), getattr(out, "past_key_values", None), mask)


def _of_width(torch: Any, values: Any, width: int, axis: int) -> Any:
    """Return values with zeros before them, or the first of them left out, along an axis."""
    more = width - values.shape[axis]
    if more <= 0:
        return values.narrow(axis, -more, width)
    shape = list(values.shape)
    shape[axis] = more
    return torch.cat([values.new_zeros(shape), values], dim=axis)
