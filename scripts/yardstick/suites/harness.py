"""A suite of a task of EleutherAI's lm-evaluation-harness: its file's fields."""

from __future__ import annotations

import importlib.metadata
import os
import re
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from yardstick.suites.base import BaseSuite
from yardstick.suites.items import Asked, Document, Item
from yardstick.validation import StrictModel

PACKAGE, SETUP = "lm-eval", "make harness"


class Pinned(StrictModel):
    """What a task was when it was pinned; `scripts/pin_suite.py` writes it.

    A standard name says neither which rows a data set had nor how they were put; hashes of both do, and every run of
    Snakemake can afford to read them.
    """

    lm_eval: str = Field(description="version of lm-eval")
    versions: dict[str, str] = Field(min_length=1, description="version of each task, as lm-eval states it")
    folders: list[str] = Field(description="folders of lm-eval's own tasks that define them")
    datasets: list[str] = Field(description="data sets from the hub that the tasks read")
    num_fewshot: dict[str, int] = Field(description="examples before each question, by task")
    metric: str = Field(description="metric that says whether an item is solved")
    filter: str = Field(description="filter that the answer goes through first")
    items: int = Field(ge=1, description="number of items")
    max_new_tokens: int = Field(ge=1, le=100_000, description="longest answer in tokens")
    prompts: str = Field(description="hash of what a base model is asked")
    chat_prompts: str | None = Field(description="hash of what a chat model is asked, null where it cannot be")
    expected: str = Field(description="hash of the documents and of what scores them")


class HarnessSuite(BaseSuite):
    """A task, a group or a tag of lm-evaluation-harness, with its own prompts and its own scoring."""

    scorer: ClassVar[str] = "yardstick.suites.harness_scorer"

    kind: Literal["lm_eval"] = Field(description="lm_eval: a task of EleutherAI's lm-evaluation-harness")
    task: str = Field(min_length=1, max_length=120, description="name of a task, group or tag, as lm-eval lists it")
    metric: str | None = Field(
        default=None, description="metric that says whether an item is solved, for example acc_norm; null: the first"
    )
    filter: str | None = Field(default=None, description="filter of the answers, as the task names it; null: the first")
    num_fewshot: int | None = Field(
        default=None, ge=0, le=1000, description="examples before each question, null for what the task says"
    )
    limit: int | None = Field(default=None, ge=1, description="first items of each task alone, null for all")
    seed: int = Field(default=1234, ge=0, lt=2**31, description="seed of the examples; lm-eval's own is 1234")
    include_path: str | None = Field(
        default=None, min_length=1, description="folder with tasks of your own; their Python code runs"
    )
    base_prompt: Literal["{question}"] = Field(default="{question}", description="{question}: the task has its own")
    max_new_tokens: int = Field(
        default=256, ge=1, le=100_000, description="longest answer in tokens; left out, what the task says"
    )
    pinned: Pinned | None = Field(default=None, description="what the task was; written by make pin-suite SUITE=<name>")

    @model_validator(mode="before")
    @classmethod
    def _takes_the_tasks_length(cls, data: Any) -> Any:
        """Let the pinned length stand where the file states none."""
        pinned = data.get("pinned") if isinstance(data, dict) else None
        stated = pinned.get("max_new_tokens") if isinstance(pinned, dict) else None
        return data if stated is None else {"max_new_tokens": stated, **data}

    @property
    def heading(self) -> str:
        """Heading of the suite's column: the standard name."""
        metric = self.pinned.metric if self.pinned else self.metric
        return self.title or (f"{self.task} ({metric})" if metric else self.task)

    @property
    def about(self) -> str:
        """What readers are told: standard name, versions, examples and metric beside the description."""
        if (pinned := self.pinned) is None:
            return self.description
        versions, shots = sorted({*pinned.versions.values()}), sorted({*pinned.num_fewshot.values()})
        count = f", first {self.limit} items of each" if self.limit else ""
        return (
            f"{self.description} (lm-evaluation-harness {pinned.lm_eval}: {self.task}, version {', '.join(versions)}, "
            f"{'/'.join(map(str, shots))}-shot{count}, {pinned.metric}, filter {pinned.filter}.)"
        )

    @property
    def remedy(self) -> str:
        """Command that fetches the data and pins the task."""
        return f"run: make pin-suite SUITE={self.name}"

    def machine_refusal(self) -> str | None:
        """Return what is missing: lm-eval in the pinned version, the pin, or data sets; with the remedy."""
        try:
            version = importlib.metadata.version(PACKAGE)
        except importlib.metadata.PackageNotFoundError:
            return f"needs the Python package {PACKAGE}, which is not installed; run: {SETUP}"
        if self.pinned is None:
            return f"its task is not pinned yet; {self.remedy}"
        if self.pinned.lm_eval != version:
            return (
                f"is pinned with {PACKAGE} {self.pinned.lm_eval}, and {version} is installed; "
                f"run: {SETUP}, or pin it again: make pin-suite SUITE={self.name}"
            )
        missing = next((name for name in self.pinned.datasets if not _is_cached(name)), None)
        return missing and f"the data set {missing} is not on this machine; {self.remedy}"

    def misfit(self, asked: Asked) -> str | None:
        """Return why a model cannot be asked, or None."""
        if self.pinned and asked.is_chat and self.pinned.chat_prompts is None:
            return "its answers begin with words of the task, for which a chat template has no place; leave it out"
        return None

    def items(self, asked: Asked) -> list[Item]:
        """Render the items with lm-eval, and check that they are those that were pinned.

        Raises:
            YardstickError: lm-eval cannot make them, or they are others.
        """
        # Late: lm-eval and the library of data sets take seconds to import.
        from yardstick.suites.harness_tasks import pinned_items

        return pinned_items(self, asked)

    def answers_document(self, asked: Asked) -> Document:
        """Return what is asked: the hash of all prompts, and in words where it comes from."""
        pinned = self.pinned
        return {
            "task": self.task,
            "num_fewshot": self.num_fewshot,
            "limit": self.limit,
            "seed": self.seed,
            "max_new_tokens": self.max_new_tokens,
            "prompts": pinned and (pinned.chat_prompts if asked.is_chat else pinned.prompts),
        }

    def expected_document(self, asked: Asked) -> Document:
        """Return what scores: versions, metric, filter, and the hash of the documents."""
        fields = {"lm_eval", "versions", "metric", "filter", "expected"}
        return {"lm_eval": self.pinned.model_dump(include=fields) if self.pinned else {}}


def _is_cached(dataset: str) -> bool:
    """Tell whether the library of data sets has prepared a data set of the hub on this machine, as that names folders."""
    home = os.environ.get("HF_HOME") or str(Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface")
    cache = Path(os.environ.get("HF_DATASETS_CACHE") or str(Path(home) / "datasets")).expanduser()
    *owner, name = dataset.split("/")
    name = re.sub(r"([a-z\d])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)).lower()
    return (cache / "___".join([*owner, name])).is_dir()
