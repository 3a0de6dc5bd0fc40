"""Writes the model card of an embedded model from the record of its training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from yardstick.embedded.corpus import FAMILIES, WRAPPERS, Wrapper
from yardstick.embedded.evaluation import LARGEST_KIND, NEEDS_BOTH

_FEW = 50  # an accuracy over fewer questions is marked, as it says little
_GUESSING = {  # what guessing among the names, things or words of the question itself earns
    "compare": Fraction(1, 2),
    "chain-2": Fraction(1, 2),
    "chain-3": Fraction(1, 3),
    NEEDS_BOTH: Fraction(1, 3),
    "chain-4": Fraction(1, 4),
    "chain-yes-no": Fraction(1, 2),
    "race": Fraction(1, 3),
    "syllogism": Fraction(1, 2),
}
_CARD = """---
license: mit
library_name: transformers
pipeline_tag: text-generation
language: en
tags:
  - tiny
  - llama
  - synthetic
  - benchmark-fixture
---

# {name}

A Llama of {parameters:,} parameters, trained from nothing on generated questions. It lets the benchmark run from end to
end without a download. **It is a test fixture and not a language model for use**: it knows a few kinds of short questions
and nothing else.

## How it was trained

| | |
|---|---|
| Architecture | Llama: hidden size {hidden}, {layers} layers, {heads} heads, feed-forward size {feed_forward}, tied embeddings |
| Tokenizer | byte-level BPE of {vocabulary:,} tokens, every digit a token of its own, trained on the same kind of text |
| Weights | float16 (trained in float32), SHA-256 `{weights_sha256}` |
| Optimiser | Muon for the matrices inside the layers (peak rate {muon_rate:g}), AdamW for embeddings and norms ({adamw_rate:g}) |
| Schedule | {warm_up} steps of warm-up, then linear decay; gradients clipped to norm 1 |
| Steps and batch | {steps:,} steps of {batch} examples |
| Text seen | {examples:,} examples, {tokens:,} tokens with padding; every example is drawn afresh |
| Loss | on the answer and the end-of-text token alone; {loss} at the end (running mean) |
| Seed | {seed} |
| Time | {seconds:,} s on an {machine} |
| Libraries | {library_list} |

## On what

Every example is a question and its answer, made by a program (`scripts/yardstick/embedded/`); no text was collected.
Mix: {mix}.
The logic questions grow harder over the first {curriculum:.0%} of the training. Each question stands in one of these
wrappers, the last of which is the chat template:

{wrappers}

No question of `config/suites/reasoning.yaml` is in the training text, and neither is another wording of the same
instance: the same two numbers, the same names together, the same progression. Everyday facts are the exception: another
wording of the same fact is in the text, as a fact cannot be derived. `tests/embedded/test_corpus.py` generates the
complete text again (SHA-256 `{text_sha256}`) and checks it.

## What it can do

Exactly answered questions, to the last character and with the end of text. *Held out* are instances kept out of the
training by a hash of the operands, names or first terms; for facts it is the wording that is held out, not the fact,
and a held-out progression may share terms with a trained one.
*Training split* are fresh draws from the other instances. At most {largest} questions of a kind; a kind with fewer than
{few} held-out questions is marked with `*`. *Guessing* is what picking one of the given alternatives earns.

| Family | Kind | Held out | Questions | Training split | Guessing |
|---|---|---|---|---|---|
{table}

## What it cannot do

* **Anything outside these kinds.** It holds no conversation, knows no other fact, and writes no other sentence.
* **Transitive reasoning.** Many chains can be answered from one of their sentences, and the accuracy of `chain-3`
  mostly measures that. The row "{needs_both}" holds only the chains in which this shortcut fails.
* **No better than guessing** (within two standard errors), so that a right answer is luck: {lucky}.
* **Syllogisms prove nothing**: the wording of each pattern decides its answer.
* **Products and geometric sequences** are learnt by heart; compare held out with training split.
* **Names outside its list** are often misspelt, as it learnt to copy only a little.
* One seed was trained. Other seeds will differ, and these numbers carry no spread.

## How to reproduce

`make embedded` trains both models again. With the same library versions on the same kind of CPU, the weights come out
byte for byte; elsewhere rounding may differ. The numbers above come from `training.json`, which the training writes.
"""


def _one_line(wrapper: Wrapper) -> str:
    return (wrapper.prompt + wrapper.separator + "{answer}").replace("\n", "\\n")


def _share(score: dict[str, int] | None) -> str:
    return f"{score['correct'] / score['asked']:.1%}" if score else "-"


def _table(evaluation: dict[str, dict[str, dict[str, int]]]) -> Iterator[str]:
    """Yield one row per family, followed by its kinds."""
    for label, held_out in evaluation["held_out"].items():
        family, _, kind = label.partition("/")
        mark = "*" if held_out["asked"] < _FEW else ""
        training = _share(evaluation["training"].get(label))
        cells = (
            "" if kind else f"**{family}**",
            kind or "all",
            _share(held_out) + mark,
            str(held_out["asked"]),
            training,
            str(_GUESSING.get(kind, "")),
        )
        yield f"| {' | '.join(cells)} |"


def no_better_than_guessing(evaluation: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    """Return the kinds whose held-out accuracy guessing could have reached."""
    kinds = []
    for label, found in evaluation["held_out"].items():
        kind = label.partition("/")[2]
        if kind in _GUESSING:
            chance = float(_GUESSING[kind])
            error = math.sqrt(chance * (1 - chance) / found["asked"])
            if found["correct"] / found["asked"] <= chance + 2 * error:
                kinds.append(kind)
    return kinds


def render_card(record: dict[str, Any]) -> str:
    """Return the text of the model card."""
    recipe = record["recipe"]
    mix = ", ".join(f"{share:.0%} {family.replace('_', ' ')}" for family, (_, share) in FAMILIES.items())
    wrappers = "\n".join(f"* {share:.0%} `{_one_line(wrapper)}`" for wrapper, share in WRAPPERS.values())
    return _CARD.format(
        **recipe,
        **{key: value for key, value in record.items() if key not in ("recipe", "evaluation")},
        library_list=", ".join(f"{name} {number}" for name, number in record["libraries"].items()),
        mix=mix,
        wrappers=wrappers,
        table="\n".join(_table(record["evaluation"])),
        lucky=", ".join(f"`{kind}`" for kind in no_better_than_guessing(record["evaluation"])) or "none",
        largest=LARGEST_KIND,
        few=_FEW,
        needs_both=NEEDS_BOTH,
    )


def write_card(record: dict[str, Any], folder: Path) -> None:
    """Write README.md beside the weights."""
    (folder / "README.md").write_text(render_card(record), encoding="utf-8")
