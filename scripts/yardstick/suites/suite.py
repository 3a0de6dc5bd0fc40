"""A suite of keyword-matching tasks, `config/suites/<name>.yaml`: its fields and reading it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from yardstick.validation import StrictModel, parse, read_yaml

Keyword = Annotated[str, Field(min_length=1, max_length=100)]


class Task(StrictModel):
    """One question and the keywords that tell a right answer."""

    id: str = Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64, description="unique name, lower-case words joined by '-'"
    )
    category: Literal["arithmetic", "logic", "common_sense", "sequence"] = Field(
        description="arithmetic, logic, common_sense or sequence"
    )
    question: str = Field(min_length=1, max_length=4000, description="the question, one line of text")
    accept: list[Keyword] = Field(min_length=1, description="keywords of which one must be in the answer")
    reject: list[Keyword] = Field(default=[], description="keywords of which none may be in the answer")


class Suite(StrictModel):
    """The content of a suite file."""

    name: str = Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$", description="name of the suite, as its file is called")
    description: str = Field(min_length=1, description="one or two sentences for readers")
    base_prompt: str = Field(description="how a base model is asked; holds {question}; chat models get the question")
    max_new_tokens: int = Field(ge=1, le=100_000, description="longest answer in tokens, from 1")
    tasks: list[Task] = Field(min_length=1, description="the tasks")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        twice = [name for name, count in Counter(task.id for task in self.tasks).items() if count > 1]
        if twice:
            raise ValueError(f"the task id {twice[0]!r} is given twice; ids are unique, rename one")
        if self.base_prompt.count("{question}") != 1:
            raise ValueError("base_prompt must hold {question} exactly once")
        return self


def load_suite(path: Path) -> Suite:
    """Read and validate a suite file.

    Raises:
        YardstickError: the file is missing, or one line for its first mistake.
    """
    return parse(Suite, read_yaml(path), file=str(path))
