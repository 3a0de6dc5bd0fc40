"""Answers that a model can have given to the suite, and scores that their answers earn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yardstick.contribution.values.columns import Rows
from yardstick.contribution.values.tokens import has_exact_length, prompt_problems
from yardstick.identity import asked_of
from yardstick.registry import ModelEntry
from yardstick.scoring import score_rows
from yardstick.shards import Shard
from yardstick.suite_checks import suite_refusal
from yardstick.suites.base import BaseSuite
from yardstick.suites.items import Asked, Item

# The longest tokens of known vocabularies are runs of blanks of about this length.
_MOST_LETTERS_OF_A_TOKEN = 256
# A chat template brings its own tokens and its system prompt.
_MOST_LETTERS_OF_A_TEMPLATE = 20_000


def answer_problems(shard: Shard, suite: BaseSuite, entry: ModelEntry) -> Iterator[str]:
    """Yield what is wrong with the rows as a whole, and the first thing that is wrong with one of them."""
    if reason := suite_refusal(suite):
        yield f"suite {suite.name} cannot be checked here: {reason}"
        return
    asked = _asked(shard, entry)
    items = {item.id: item for item in suite.items(asked)}
    if [(row["task"], row["sample"]) for row in shard.rows] != list(_expected_rows(shard, suite, items)):
        yield "task: not each task of the suite once, in the suite's order"
        return
    for row in shard.rows:
        problems = [
            *_prompt_problems(row, items[row["task"]], suite.prompt(asked), entry),
            *(_choice_problems if items[row["task"]].choices else _length_problems)(
                row, items[row["task"]], suite, entry
            ),
        ]
        if problems:
            yield f"task {row['task']}: {problems[0]}"
            break


def score_problems(shard: Shard, answers: Rows, suite: BaseSuite, entry: ModelEntry) -> Iterator[str]:
    """Yield the first task whose stated score is not the one that its answer earns."""
    if reason := suite_refusal(suite):
        yield f"suite {suite.name} cannot be checked here: {reason}"
        return
    try:
        earned = score_rows(answers, suite, _asked(shard, entry))
    except KeyError as error:
        yield f"the answers hold the unknown task {error}"
        return
    if [(row["task"], row["sample"]) for row in shard.rows] != [(row["task"], row["sample"]) for row in earned]:
        yield "task: not each task of the answers once, in their order"
        return
    for stated, found in zip(shard.rows, earned, strict=True):
        differing = [name for name in found if stated[name] != found[name]]
        if differing:
            yield f"task {found['task']}: {differing[0]} is not what the answer scores; score again, or commit both as they are"
            break


def _asked(shard: Shard, entry: ModelEntry) -> Asked:
    return asked_of(entry, str(shard.identity["environment"].get("epoch", "")))


def _expected_rows(shard: Shard, suite: BaseSuite, items: Mapping[str, Item]) -> Iterator[tuple[str, int | None]]:
    """Yield task and number of each row that must be there; where the interval ended the answering, of those that are."""
    sampling = shard.run.get("sampling") or {}
    answered = {row["task"] for row in shard.rows} if sampling.get("stopped_by") == "interval" else items
    for task, item in items.items():
        if task in answered:
            yield task, None
            if not item.choices and not _is_too_long(shard.rows, task):
                yield from ((task, number) for number in range(1, suite.sampled + 1))


def _is_too_long(rows: Rows, task: str) -> bool:
    return any(row["task"] == task and row["finish"] == "too_long" for row in rows)


def _prompt_problems(row: Mapping[str, Any], item: Item, prompt: str, entry: ModelEntry) -> Iterator[str]:
    expected = prompt.replace("{question}", item.question)
    if entry.chat_template:
        # The template is the model's own and not known here.
        if expected not in row["prompt"] or len(row["prompt"]) > len(expected) + _MOST_LETTERS_OF_A_TEMPLATE:
            yield "prompt: the question is not in it"
    elif row["prompt"] != expected:
        yield "prompt: not the suite's"
    if row["finish"] == "too_long":
        return
    if not entry.chat_template:
        yield from prompt_problems(row["prompt_tokens"], [row["prompt"]], entry)
    elif not 1 <= row["prompt_tokens"] <= entry.context_length:
        yield f"prompt_tokens: {row['prompt_tokens']} in a context of {entry.context_length}"


def _length_problems(row: Mapping[str, Any], item: Item, suite: BaseSuite, entry: ModelEntry) -> Iterator[str]:
    tokens, most = row["output_tokens"], suite.max_new_tokens
    if tokens > most:
        yield f"output_tokens: {tokens}, the suite allows {most}"
    if len(row["answer"]) > _MOST_LETTERS_OF_A_TOKEN * tokens:
        yield f"answer: {len(row['answer'])} letters of {tokens} tokens"
    if row["finish"] not in ("stop", "length", "too_long"):
        yield "finish: neither stop nor length"
    if row["finish"] == "too_long" and (tokens or len(row["prompt"].encode()) + most < entry.context_length):
        yield "finish: the context can hold the question"
    if row["finish"] == "length" and tokens != most and has_exact_length(entry):
        yield f"finish: ended by length after {tokens} tokens, the suite allows {most}"
    if row["likelihoods"] is not None or row["greedy"] is not None:
        yield "likelihoods: given for an answer in words"


def _choice_problems(row: Mapping[str, Any], item: Item, suite: BaseSuite, entry: ModelEntry) -> Iterator[str]:
    found = row["likelihoods"]
    if row["finish"] == "too_long":
        longest = max(len(text.encode()) for text in (row["prompt"], *item.contexts))
        if longest + max(len(choice.encode()) for choice in item.choices) < entry.context_length:
            yield "finish: the context can hold the question"
    elif found is None or row["greedy"] is None or not len(found) == len(row["greedy"]) == len(item.choices):
        yield "likelihoods: not one for each choice"
    elif any(value > 0 for value in found):
        yield "likelihoods: a probability above 1"
    elif row["answer"] != item.choices[found.index(max(found))]:
        yield "answer: not the likeliest choice"
