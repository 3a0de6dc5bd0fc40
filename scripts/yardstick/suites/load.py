"""Read the files in `config/suites`, whatever kind of suite each is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel

from yardstick.catalog import METRICS, SUITES
from yardstick.errors import YardstickError
from yardstick.suites.base import BaseSuite
from yardstick.suites.code import CodeSuite
from yardstick.suites.harness import HarnessSuite
from yardstick.suites.multi_step import MultiStepSuite
from yardstick.suites.retrieval import RetrievalSuite
from yardstick.suites.suite import Suite
from yardstick.validation import parse, read_yaml

_KINDS: dict[str, type[BaseSuite]] = {
    "keywords": Suite,
    "reasoning_gym": MultiStepSuite,
    "code": CodeSuite,
    "retrieval": RetrievalSuite,
    "lm_eval": HarnessSuite,
}


_AnySuite = Annotated[Suite | MultiStepSuite | CodeSuite | RetrievalSuite | HarnessSuite, Field(discriminator="kind")]


class SuiteFile(RootModel[_AnySuite]):
    """The content of a suite file."""


def read_suite(path: Path) -> BaseSuite:
    """Read and validate a suite file of any kind.

    Raises:
        YardstickError: the file is missing, or one line for its first mistake.
    """
    data = read_yaml(path)
    kind = data.get("kind", "keywords") if isinstance(data, dict) else "keywords"
    if kind not in _KINDS:
        raise YardstickError(f"{path}: kind: {str(kind)[:40]!r} is not valid; expected: {', '.join(_KINDS)}")
    return parse(_KINDS[kind], data, file=str(path))


def load_suites(folder: Path) -> dict[str, BaseSuite]:
    """Return the suites by name, the main one first.

    Raises:
        YardstickError: a file is missing, is not named as its suite, or has a mistake.
    """
    suites: dict[str, BaseSuite] = {}
    for name in SUITES:
        path = folder / f"{name}.yaml"
        suite = read_suite(path)
        if suite.name != name or _is_taken(name):
            raise YardstickError(f"{path}: name: {suite.name!r} is not that of the file, or a metric's; rename one")
        suites[name] = suite
    return suites


def _is_taken(name: str) -> bool:
    metric = METRICS.get(name)
    return metric is not None and metric.suite != name
