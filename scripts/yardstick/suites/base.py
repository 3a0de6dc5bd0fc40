"""What all suites have: the fields of their files, their items, what defines the answers and what the scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from yardstick.suites.items import Asked, Document, Item
from yardstick.validation import StrictModel


class BaseSuite(StrictModel):
    """The fields of every suite file.

    Attributes:
        generator: module that makes the items, None for items that the file itself holds.
        scorer: module whose ``score`` scores an answer.
        packages: distribution -> module of it; items or scores depend on its version.
        setup: command that installs them.
    """

    generator: ClassVar[str | None] = None
    scorer: ClassVar[str]
    packages: ClassVar[Mapping[str, str]] = {}
    setup: ClassVar[str] = "pip install --requirement envs/requirements.txt"

    name: str = Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$", description="name of the suite, as its file is called")
    title: str = Field(default="", max_length=24, description="heading of its column; left out, made of the name")
    description: str = Field(min_length=1, description="one or two sentences for readers")
    base_prompt: str = Field(description="how a base model is asked; holds {question}; chat models get the question")
    max_new_tokens: int = Field(ge=1, le=100_000, description="longest answer in tokens, from 1")

    @model_validator(mode="after")
    def _asks_once(self) -> Self:
        if self.base_prompt.count("{question}") != 1:
            raise ValueError("base_prompt must hold {question} exactly once")
        return self

    @property
    def heading(self) -> str:
        """Heading of the suite's column."""
        return self.title or self.name.replace("_", " ").capitalize()

    @property
    def about(self) -> str:
        """What readers of the leaderboard are told of the suite."""
        return self.description

    @property
    def sampled(self) -> int:
        """Sampled answers to each item, beside the greedy one."""
        return 0

    @property
    def temperature(self) -> float:
        """Temperature of sampled answers."""
        return 0.0

    def prompt(self, asked: Asked) -> str:
        """Return how a question is put, with ``{question}`` in it."""
        return "{question}" if asked.is_chat else self.base_prompt

    def machine_refusal(self) -> str | None:
        """Return what this machine lacks for the suite beside its packages, with the remedy, or None."""
        return None

    def misfit(self, asked: Asked) -> str | None:
        """Return why a model cannot be asked this suite, with the remedy, or None."""
        return None

    @abstractmethod
    def items(self, asked: Asked) -> list[Item]:
        """Return the items that a model is asked, in the suite's order; the same for the same arguments and packages."""

    @abstractmethod
    def answers_document(self, asked: Asked) -> Document:
        """Return what decides which items are asked, and how; cheap, since every run of Snakemake needs it."""

    @abstractmethod
    def expected_document(self, asked: Asked) -> Document:
        """Return what beside the answers and the scorer's source decides the scores; cheap."""


class InstructedSuite(BaseSuite):
    """A suite that tells chat models how to give their answer."""

    chat_prompt: str = Field(description="how a chat model is asked; holds {question}")

    @model_validator(mode="after")
    def _asks_chat_models_once(self) -> Self:
        if self.chat_prompt.count("{question}") != 1:
            raise ValueError("chat_prompt must hold {question} exactly once")
        return self

    def prompt(self, asked: Asked) -> str:
        """Return how a question is put to this kind of model."""
        return self.chat_prompt if asked.is_chat else self.base_prompt
