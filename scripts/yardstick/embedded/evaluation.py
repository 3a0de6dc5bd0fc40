"""Measures how many generated questions a saved model answers exactly, kind by kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from yardstick.embedded import recipes
from yardstick.embedded.batches import IGNORED, collate, encode
from yardstick.embedded.corpus import FAMILIES, Example, unique_items, wrap
from yardstick.embedded.items import Item
from yardstick.embedded.lexicon import RELATIONS
from yardstick.embedded.suite_guard import SuiteGuard

DRAWS = 12_000
LARGEST_KIND = 400  # more questions of one kind would not make its accuracy much surer
NEEDS_BOTH = "chain-3, both sentences needed"
_BATCH = 200
_COMPARISON = re.compile(r"(\w+) is (\w+) than (\w+)\.")
_RISING = {words[0] for words in RELATIONS}
_TOP = {words[2] for words in RELATIONS}


class Score(NamedTuple):
    """Exactly answered questions out of all that were asked."""

    correct: int
    asked: int

    @property
    def accuracy(self) -> float:
        """Share of the questions that were answered exactly."""
        return self.correct / self.asked


def needs_both_sentences(item: Item) -> bool:
    """Say whether a chain of three names defeats the shortcut of reading a single sentence.

    The shortcut names the winner of the first sentence when the highest is asked, and the loser of the last when the
    lowest is asked. A model that takes it is right in most chains without composing anything.
    """
    if item.kind != "chain-3":
        return False
    comparisons = _COMPARISON.findall(item.question)
    asks_top = item.question.rstrip("?").rsplit(" ", 1)[1] in _TOP
    subject, word, other = comparisons[0] if asks_top else comparisons[-1]
    return bool((subject if asks_top == (word in _RISING) else other) != item.keyword)


def labels(item: Item) -> list[str]:
    """Return the rows of the score table that an item counts in: its family, its kind, and the hard part of a kind."""
    rows = [item.family, f"{item.family}/{item.kind}"]
    return [*rows, f"{item.family}/{NEEDS_BOTH}"] if needs_both_sentences(item) else rows


def select_items(guard: SuiteGuard, held_out: bool) -> list[Item]:
    """Draw the questions of an evaluation, at most `LARGEST_KIND` of each kind."""
    counts: Counter[str] = Counter()
    selected = []
    for item in unique_items(recipes.EVALUATION_SEED, DRAWS, guard, held_out):
        counts[item.kind] += 1
        if counts[item.kind] <= LARGEST_KIND:
            selected.append(item)
    return selected


@torch.no_grad()
def answered_exactly(model: LlamaForCausalLM, tokenizer: Tokenizer, examples: Sequence[Example]) -> list[bool]:
    """Say of each example whether greedy decoding would write exactly its completion and then stop.

    Greedy decoding writes a completion exactly if the likeliest token is the right one at each of its positions, so
    that one pass over prompt and completion tells.
    """
    encoded = encode(tokenizer, examples)
    order = sorted(range(len(encoded)), key=lambda index: encoded[index].length)
    exact = [False] * len(encoded)
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        tokens, labels = collate([encoded[row] for row in rows])
        asked = labels != IGNORED
        right = torch.ones_like(asked)
        hidden = model.model(tokens).last_hidden_state
        right[asked] = model.lm_head(hidden[asked]).argmax(-1) == labels[asked]
        for row, value in zip(rows, right.all(1).tolist(), strict=True):
            exact[row] = value
    return exact


def _table_order(label: str) -> tuple[int, str]:
    return list(FAMILIES).index(label.split("/")[0]), label


def score(model: LlamaForCausalLM, tokenizer: Tokenizer, items: Sequence[Item]) -> dict[str, Score]:
    """Score a model by family and kind; every item is asked in one wrapper, drawn as in training."""
    rng = Random(recipes.EVALUATION_SEED)
    exact = answered_exactly(model, tokenizer, [wrap(rng, item) for item in items])
    correct: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for item, right in zip(items, exact, strict=True):
        for label in labels(item):
            asked[label] += 1
            correct[label] += right
    return {label: Score(correct[label], asked[label]) for label in sorted(asked, key=_table_order)}


def load(folder: Path) -> tuple[LlamaForCausalLM, Tokenizer]:
    """Load a saved model in single precision, as the benchmark does."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
    return model, Tokenizer.from_file(str(folder / "tokenizer.json"))


def evaluate(folder: Path, guard: SuiteGuard) -> dict[str, dict[str, Score]]:
    """Score the saved model of a folder on held-out instances and on instances of the training split."""
    model, tokenizer = load(folder)
    return {
        "held_out": score(model, tokenizer, select_items(guard, held_out=True)),
        "training": score(model, tokenizer, select_items(guard, held_out=False)),
    }
