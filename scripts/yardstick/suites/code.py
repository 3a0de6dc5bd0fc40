"""A suite of small functions to write, with hidden tests: its file's fields."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from yardstick.suites.base import InstructedSuite
from yardstick.suites.items import Asked, Document, Item
from yardstick.validation import StrictModel, refuse_repeated_ids


class Case(StrictModel):
    """One hidden test of a function."""

    given: list[Any] = Field(description="arguments of the call, as JSON has them")
    expected: Any = Field(description="what the call must return")


class Function(StrictModel):
    """One function to write."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=48, description="unique name, words joined by '-'")
    category: str = Field(pattern=r"^[a-z]+(_[a-z]+)*$", max_length=32, description="what it counts under")
    signature: str = Field(
        pattern=r"^def [a-z_][a-z0-9_]*\([^\n]*\)( -> [^\n]+)?:$",
        max_length=200,
        description="first line of the function, for example def double(x: int) -> int:",
    )
    does: str = Field(min_length=1, max_length=1000, description="what it does, as its docstring says")
    tests: list[Case] = Field(min_length=3, max_length=50, description="hidden tests, at least 3")


class CodeSuite(InstructedSuite):
    """Functions that a model completes; what it writes runs in a sandbox alone."""

    generator: ClassVar[str | None] = "yardstick.suites.code_items"
    scorer: ClassVar[str] = "yardstick.suites.code_scorer"

    kind: Literal["code"] = Field(description="code: functions to write, scored by hidden tests in a sandbox")
    seed: int = Field(ge=0, lt=2**31, description="seed of the procedural functions, a whole number from 0")
    procedural: int = Field(ge=0, le=10_000, description="procedural functions beside the tasks below, from 0")
    samples: int = Field(default=0, ge=0, le=1000, description="answers drawn to each task for pass@k, 0 for none")
    sampling_temperature: float = Field(
        default=0.8, gt=0, le=5, strict=False, description="temperature of the drawn answers"
    )
    tasks: list[Function] = Field(min_length=1, description="the functions")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        refuse_repeated_ids(task.id for task in self.tasks)
        return self

    @property
    def sampled(self) -> int:
        """Answers that are drawn to each task."""
        return self.samples

    @property
    def temperature(self) -> float:
        """Temperature of the drawn answers."""
        return self.sampling_temperature

    def machine_refusal(self) -> str | None:
        """Return why this machine has no sandbox, or None. Without one the code is not run."""
        # Late: only this suite needs it.
        from yardstick.suites.sandbox import sandbox_problem

        return sandbox_problem()

    def misfit(self, asked: Asked) -> str | None:
        """Return why pass@k cannot be had from an engine, or None."""
        if self.samples and asked.backend != "transformers":
            return "drawn answers (samples) need backend transformers; set samples: 0 in its file"
        return None

    def items(self, asked: Asked) -> list[Item]:
        """Return the functions of the file, then the procedural ones."""
        from yardstick.suites.code_items import function_item, procedural_items

        own = [function_item(**task.model_dump()) for task in self.tasks]
        return own + procedural_items(self.procedural, self.seed)

    def answers_document(self, asked: Asked) -> Document:
        """Return what is asked for, not the hidden tests."""
        return {
            "prompt": self.prompt(asked),
            "max_new_tokens": self.max_new_tokens,
            "procedural": {"seed": self.seed, "count": self.procedural},
            "samples": {"count": self.samples, "temperature": self.temperature} if self.samples else None,
            "functions": {task.id: {"signature": task.signature, "does": task.does} for task in self.tasks},
        }

    def expected_document(self, asked: Asked) -> Document:
        """Return categories and hidden tests."""
        return {
            task.id: {"category": task.category, "tests": [case.model_dump() for case in task.tests]}
            for task in self.tasks
        }
