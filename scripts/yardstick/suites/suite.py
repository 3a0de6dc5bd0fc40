"""A suite of keyword-matching tasks, `config/suites/<name>.yaml`: its fields and reading it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from yardstick.suites.base import BaseSuite
from yardstick.suites.items import Asked, Document, Item
from yardstick.validation import StrictModel, parse, read_yaml, refuse_repeated_ids

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


class Suite(BaseSuite):
    """A suite whose questions and keywords are in its file."""

    scorer: ClassVar[str] = "yardstick.suites.keyword_match"

    kind: Literal["keywords"] = Field(default="keywords", description="keywords: the tasks below, scored by keywords")
    tasks: list[Task] = Field(min_length=1, description="the tasks")

    def items(self, asked: Asked) -> list[Item]:
        """Return the tasks of the file."""
        return [
            Item(task.id, task.category, task.question, {"accept": task.accept, "reject": task.reject})
            for task in self.tasks
        ]

    def answers_document(self, asked: Asked) -> Document:
        """Return prompt, limit and questions, not the keywords."""
        return {
            "prompt": self.prompt(asked),
            "max_new_tokens": self.max_new_tokens,
            "questions": {task.id: task.question for task in self.tasks},
        }

    def expected_document(self, asked: Asked) -> Document:
        """Return the keywords of each task."""
        return {
            task.id: {"category": task.category, "accept": list(task.accept), "reject": list(task.reject)}
            for task in self.tasks
        }

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        refuse_repeated_ids(task.id for task in self.tasks)
        return self


def load_suite(path: Path) -> Suite:
    """Read and validate a suite file.

    Raises:
        YardstickError: the file is missing, or one line for its first mistake.
    """
    return parse(Suite, read_yaml(path), file=str(path))
