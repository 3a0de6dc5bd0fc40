"""Turns training text into padded batches of token ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from yardstick.embedded.corpus import Example
from yardstick.embedded.tokenizer import END_OF_TEXT_ID

IGNORED = -100  # the label of a position that takes no part in the loss
_BATCHES_PER_BUCKET = 64  # examples of similar length are batched together within such a bucket


class Encoded(NamedTuple):
    """One example as token ids; the completion ends with the end-of-text token."""

    prompt: list[int]
    completion: list[int]

    @property
    def length(self) -> int:
        """Number of tokens of prompt and completion."""
        return len(self.prompt) + len(self.completion)


def encode(tokenizer: Tokenizer, examples: Sequence[Example]) -> list[Encoded]:
    """Encode prompts and completions apart, as at generation time the prompt stands alone."""
    prompts = tokenizer.encode_batch([example.prompt for example in examples])
    completions = tokenizer.encode_batch([example.completion for example in examples])
    return [
        Encoded(prompt.ids, [*completion.ids, END_OF_TEXT_ID])
        for prompt, completion in zip(prompts, completions, strict=True)
    ]


def collate(encoded: Sequence[Encoded]) -> tuple[Tensor, Tensor]:
    """Pad on the right and shift the labels by one; only the completion has labels.

    A causal model never looks to the right, so the padding needs no attention mask.
    """
    width = max(example.length for example in encoded)
    tokens = torch.zeros(len(encoded), width, dtype=torch.long)
    labels = torch.full((len(encoded), width), IGNORED)
    for row, example in enumerate(encoded):
        tokens[row, : example.length] = torch.tensor(example.prompt + example.completion)
        labels[row, len(example.prompt) - 1 : example.length - 1] = torch.tensor(example.completion)
    return tokens, labels


def batches(examples: Iterable[Example], tokenizer: Tokenizer, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of similar length in random order, bucket by bucket."""
    rng = Random(seed)
    stream = iter(examples)
    while bucket := list(islice(stream, size * _BATCHES_PER_BUCKET)):
        encoded = sorted(encode(tokenizer, bucket), key=lambda example: example.length)
        rows = [encoded[start : start + size] for start in range(0, len(encoded), size)]
        rng.shuffle(rows)
        for row in rows:
            yield collate(row)
