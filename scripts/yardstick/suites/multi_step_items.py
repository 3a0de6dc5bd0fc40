"""Items of reasoning-gym's tasks, and their scores by its own verifiers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import reasoning_gym

from yardstick.errors import YardstickError
from yardstick.suites.items import Item, Scored
from yardstick.suites.keyword_match import considered_part

# Verifiers that run what a model wrote as code, whether by eval or by sympy's parser, which evals.
RUN_ANSWERS = frozenset(
    {"string_insertion", "spiral_matrix", "binary_matrix", "n_queens", "puzzle24", "countdown", "composite"}
    | {"simple_integration", "intermediate_integration", "polynomial_multiplication"}
)
_MARKUP = "*`$ "
_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_ANNOUNCED = re.compile(r"(?:final answer|answer)(?: is|:)\s*:?\s*", re.IGNORECASE)


def make_items(steps: Sequence[Mapping[str, Any]], seed: str) -> list[Item]:
    """Return the items of each step in turn.

    Args:
        steps: id, category, task, count and settings of each.
        seed: any text; each step gets a seed of its own from it, so adding a step changes no other.

    Raises:
        YardstickError: reasoning-gym does not know a task or refuses its settings; the step is named.
    """
    return [item for step in steps for item in _items_of(step, seed)]


def _items_of(step: Mapping[str, Any], seed: str) -> list[Item]:
    if step["task"] in RUN_ANSWERS:
        raise YardstickError(f"step {step['id']}: {step['task']} runs answers as Python code; take another task")
    number = int.from_bytes(hashlib.sha256(f"{seed} {step['id']}".encode()).digest()[:4], "big") >> 1
    try:
        dataset = reasoning_gym.create_dataset(step["task"], size=step["count"], seed=number, **step["settings"])
        entries = [dataset[place] for place in range(step["count"])]
    except (ValueError, TypeError, AssertionError, KeyError, IndexError) as error:
        why = " ".join(str(error).split())[:160]
        raise YardstickError(f"step {step['id']}: reasoning-gym refuses it ({why}); mend it in the suite") from error
    return [
        Item(
            f"{step['id']}-{place:03}",
            step["category"],
            str(entry["question"]).strip(),
            {"task": step["task"], "answer": entry["answer"], "metadata": entry["metadata"]},
        )
        for place, entry in enumerate(entries)
    ]


def score(item: Item, answer: Mapping[str, Any], *, is_chat: bool) -> Scored:
    """Score an answer by the verifier of its task: solved where that gives all points for what was meant as the answer."""
    candidate = final_answer(considered_part(answer["answer"], is_chat=is_chat))
    entry = {"answer": item.expected["answer"], "metadata": item.expected["metadata"]}
    try:
        points = _verifier(item.expected["task"]).score_answer(candidate, entry)
    except Exception as error:  # Verifiers parse what a model wrote, and raise whatever their parsers do.
        return Scored(False, candidate, detail=f"not readable ({type(error).__name__})")
    return Scored(points >= 1, candidate, detail=f"expected {item.expected['answer']}"[:200])


def final_answer(text: str) -> str:
    """Return what a text gives as its answer: the last tagged one, else what follows the last "answer is", else its first line."""
    if tagged := _TAGGED.findall(text):
        return str(tagged[-1]).strip()
    announced = list(_ANNOUNCED.finditer(text))
    rest = text[announced[-1].end() :] if announced else text
    line = next((line.strip() for line in rest.split("\n") if line.strip()), "")
    return line.strip(_MARKUP).rstrip(".").rstrip(_MARKUP)


_VERIFIERS: dict[str, Any] = {}


def _verifier(task: str) -> Any:
    """Return a data set of the task: its verifier needs none of the settings that the items were made with."""
    if task not in _VERIFIERS:
        _VERIFIERS[task] = reasoning_gym.create_dataset(task, size=1, seed=0)
    return _VERIFIERS[task]
