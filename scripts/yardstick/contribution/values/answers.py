"""Answers that a model can have given to the suite, and scores that their answers earn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yardstick.contribution.values.columns import Rows
from yardstick.contribution.values.tokens import has_exact_length, prompt_problems
from yardstick.registry import ModelEntry
from yardstick.scoring import score_rows
from yardstick.suites.suite import Suite

# The longest tokens of known vocabularies are runs of blanks of about this length.
_MOST_LETTERS_OF_A_TOKEN = 256
# A chat template brings its own tokens and its system prompt.
_MOST_LETTERS_OF_A_TEMPLATE = 20_000


def answer_problems(rows: Rows, suite: Suite, entry: ModelEntry) -> Iterator[str]:
    """Yield what is wrong with the rows as a whole, and the first thing that is wrong with one of them."""
    if [row["task"] for row in rows] != [task.id for task in suite.tasks]:
        yield "task: not each task of the suite once, in the suite's order"
        return
    for row, task in zip(rows, suite.tasks, strict=True):
        problems = [*_prompt_problems(row, task.question, suite, entry), *_length_problems(row, suite, entry)]
        if problems:
            yield f"task {task.id}: {problems[0]}"
            break


def score_problems(rows: Rows, answers: Rows, suite: Suite, entry: ModelEntry) -> Iterator[str]:
    """Yield the first task whose stated score is not the one that its answer earns."""
    try:
        earned = score_rows(answers, suite, is_chat=entry.chat_template)
    except KeyError as error:
        yield f"the answers hold the unknown task {error}"
        return
    if [row["task"] for row in rows] != [row["task"] for row in earned]:
        yield "task: not each task of the answers once, in their order"
        return
    for stated, found in zip(rows, earned, strict=True):
        differing = [name for name in found if stated[name] != found[name]]
        if differing:
            yield f"task {found['task']}: {differing[0]} is not what the answer scores; score again, or commit both as they are"
            break


def _prompt_problems(row: Mapping[str, Any], question: str, suite: Suite, entry: ModelEntry) -> Iterator[str]:
    expected = question if entry.chat_template else suite.base_prompt.replace("{question}", question)
    if entry.chat_template:
        # The template is the model's own and not known here.
        if expected not in row["prompt"] or len(row["prompt"]) > len(expected) + _MOST_LETTERS_OF_A_TEMPLATE:
            yield "prompt: the question is not in it"
    elif row["prompt"] != expected:
        yield "prompt: not the suite's"
    if not entry.chat_template:
        yield from prompt_problems(row["prompt_tokens"], [row["prompt"]], entry)
    elif not 1 <= row["prompt_tokens"] <= entry.context_length:
        yield f"prompt_tokens: {row['prompt_tokens']} in a context of {entry.context_length}"


def _length_problems(row: Mapping[str, Any], suite: Suite, entry: ModelEntry) -> Iterator[str]:
    tokens, most = row["output_tokens"], suite.max_new_tokens
    if tokens > most:
        yield f"output_tokens: {tokens}, the suite allows {most}"
    if len(row["answer"]) > _MOST_LETTERS_OF_A_TOKEN * tokens:
        yield f"answer: {len(row['answer'])} letters of {tokens} tokens"
    if row["finish"] not in ("stop", "length"):
        yield "finish: neither stop nor length"
    if row["finish"] == "length" and tokens != most and has_exact_length(entry):
        yield f"finish: ended by length after {tokens} tokens, the suite allows {most}"
