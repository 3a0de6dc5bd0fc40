"""A suite of procedural tasks from the package reasoning-gym: its file's fields."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from yardstick.suites.base import InstructedSuite
from yardstick.suites.items import Asked, Document, Item
from yardstick.validation import StrictModel, refuse_repeated_ids


class Step(StrictModel):
    """One family of tasks at one difficulty."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=48, description="unique name, words joined by '-'")
    category: str = Field(pattern=r"^[a-z]+(_[a-z]+)*$", max_length=32, description="what its items count under")
    task: str = Field(pattern=r"^[a-z0-9_]+$", max_length=48, description="name of the task in reasoning-gym")
    count: int = Field(ge=1, le=10_000, description="items, a whole number from 1")
    settings: dict[str, Any] = Field(default={}, description="settings of the task, as reasoning-gym names them")


class MultiStepSuite(InstructedSuite):
    """A ladder of procedural tasks, each with a verifier of its own."""

    generator: ClassVar[str | None] = "yardstick.suites.multi_step_items"
    scorer: ClassVar[str] = "yardstick.suites.multi_step_items"
    packages: ClassVar[dict[str, str]] = {"reasoning-gym": "reasoning_gym"}

    kind: Literal["reasoning_gym"] = Field(description="reasoning_gym: items that the package reasoning-gym makes")
    seed: int = Field(ge=0, lt=2**31, description="seed of the items, a whole number from 0")
    new_items_each_epoch: bool = Field(
        default=False, description="true: each epoch gets items of its own, so results of two epochs are not paired"
    )
    steps: list[Step] = Field(min_length=1, description="the families, from easy to hard")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        refuse_repeated_ids(step.id for step in self.steps)
        return self

    def items(self, asked: Asked) -> list[Item]:
        """Make the items."""
        # Late: the package takes a second to import.
        from yardstick.suites.multi_step_items import make_items

        return make_items([step.model_dump() for step in self.steps], self._seed(asked))

    def answers_document(self, asked: Asked) -> Document:
        """Return what makes the items."""
        return {
            "prompt": self.prompt(asked),
            "max_new_tokens": self.max_new_tokens,
            "seed": self._seed(asked),
            "steps": {step.id: step.model_dump(include={"task", "count", "settings"}) for step in self.steps},
        }

    def expected_document(self, asked: Asked) -> Document:
        """Return the categories; what is expected follows from what makes the items."""
        return {step.id: {"category": step.category} for step in self.steps}

    def _seed(self, asked: Asked) -> str:
        return f"{self.seed} {asked.epoch}" if self.new_items_each_epoch else str(self.seed)
