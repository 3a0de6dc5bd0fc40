"""Log-likelihoods of several continuations of each of several prompts, every prompt computed once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from yardstick.backends.prefill import forward, prefill

# Ids of a prompt's tokens, and of each of its continuations.
Asked = tuple[list[int], list[list[int]]]
Found = list[tuple[float, bool]]


def log_likelihoods(torch: Any, model: Any, asked: Sequence[Asked], *, device: str, pad: int) -> list[Found]:
    """Return for each prompt the log-likelihood of each continuation, in nats, and whether greedy decoding yields it.

    The prompts are one batch, padded on the left. Their last position tells all about first tokens; the rest of longer
    continuations is computed on top of the prompts' keys and values, as many rows at once as there are prompts.

    Args:
        torch: the library.
        model: a causal language model.
        asked: ids; no prompt and no continuation is empty.
        device: where the model is.
        pad: id of any token.
    """
    with torch.inference_mode():
        prompts = prefill(torch, model, [prompt for prompt, _ in asked], device=device, pad=pad)
        if prompts is None:
            return _one_by_one(torch, model, asked, device=device, pad=pad)
        first, cache, mask = prompts.logits.log_softmax(-1), prompts.cache, prompts.mask
        found = [[_first(first[row], ids) for ids in choices] for row, (_, choices) in enumerate(asked)]
        longer = [
            (row, place) for row, (_, choices) in enumerate(asked) for place, ids in enumerate(choices) if len(ids) > 1
        ]
        # Of like length together, so that little is padding.
        longer.sort(key=lambda which: len(asked[which[0]][1][which[1]]))
        for start in range(0, len(longer), len(asked)):
            chunk = longer[start : start + len(asked)]
            is_last = start + len(asked) >= len(longer)
            rest = _rest(torch, model, cache if is_last else copy.deepcopy(cache), mask, asked, chunk, device, pad)
            for (row, place), (total, is_greedy) in zip(chunk, rest, strict=True):
                before, was_greedy = found[row][place]
                found[row][place] = before + total, was_greedy and is_greedy
        return found


def _first(log_probabilities: Any, ids: list[int]) -> tuple[float, bool]:
    return float(log_probabilities[ids[0]]), int(log_probabilities.argmax()) == ids[0]


def _rest(
    torch: Any,
    model: Any,
    cache: Any,
    mask: Any,
    asked: Sequence[Asked],
    chunk: Sequence[tuple[int, int]],
    device: str,
    pad: int,
) -> Found:
    """Return what the tokens behind the first of some continuations add; the cache is used up."""
    rows = torch.tensor([row for row, _ in chunk], device=device)
    cache.batch_select_indices(rows)
    tokens = [asked[row][1][place] for row, place in chunk]
    width = max(map(len, tokens)) - 1
    given = torch.tensor([ids[:-1] + [pad] * (width + 1 - len(ids)) for ids in tokens], device=device)
    wanted = torch.tensor([ids[1:] + [pad] * (width + 1 - len(ids)) for ids in tokens], device=device)
    is_real = torch.tensor([[1] * (len(ids) - 1) + [0] * (width + 1 - len(ids)) for ids in tokens], device=device)
    whole = torch.cat([mask[rows], is_real], dim=1)
    logits = forward(model, given, whole, past_key_values=cache, use_cache=True).logits.float()
    # Rounding can make what is nearly certain a little more than that.
    each = (logits.gather(-1, wanted[..., None])[..., 0] - logits.logsumexp(-1)).clamp(max=0)
    totals = (each * is_real).sum(-1).tolist()
    is_greedy = ((logits.argmax(-1) == wanted) | (is_real == 0)).all(-1).tolist()
    return list(zip(totals, is_greedy, strict=True))


def _one_by_one(torch: Any, model: Any, asked: Sequence[Asked], *, device: str, pad: int) -> list[Found]:
    """Return the same of a model that keeps no keys and values, each continuation with its prompt."""
    found = []
    for prompt, choices in asked:
        of_prompt = []
        for choice in choices:
            ids = torch.tensor([prompt + choice[:-1]], device=device)
            logits = forward(model, ids, torch.ones_like(ids)).logits[0, len(prompt) - 1 :].float().log_softmax(-1)
            wanted = torch.tensor(choice, device=device)
            total = logits.gather(-1, wanted[:, None]).sum()
            of_prompt.append((float(total), bool((logits.argmax(-1) == wanted).all())))
        found.append(of_prompt)
    return found
