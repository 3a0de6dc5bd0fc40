"""Items of suites, and what a scorer finds; apart from the suites' files, because generators and scorers are hashed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """Who is asked, as far as it decides what is asked.

    Attributes:
        is_chat: whether questions go through the model's chat template.
        context_length: longest context of the model in tokens.
        backend: engine that runs the model.
        epoch: label of the round of measurements.
    """

    is_chat: bool
    context_length: int = 1 << 20
    backend: str = "transformers"
    epoch: str = ""


@dataclass(frozen=True)
class Item:
    """One question of a suite.

    Attributes:
        id: unique and stable name.
        category: what it is counted under.
        question: what the model is asked, before a prompt is made of it.
        expected: what the scorer needs to know, as JSON values.
        choices: continuations whose likelihoods are asked for; empty for a question that is answered in words.
        stop: texts at which an answer in words ends.
        contexts: prompts of the choices where each has its own, in their order; empty where all have the question.
    """

    id: str
    category: str
    question: str
    expected: Mapping[str, Any] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scored:
    """What a scorer found in one answer.

    Attributes:
        solved: whether the item counts as solved.
        considered: the part of the answer that counted.
        accepted: the accepted keywords found.
        rejected: the rejected keywords found.
        detail: why, in a few words; None where there is nothing to say.
    """

    solved: bool
    considered: str
    accepted: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    detail: str | None = None
