"""What is there, what is wanted, and why: the registry and settings held against the listing of `results/`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from yardstick.catalog import ANSWERS, MAIN_SUITE, METRICS, answers_metric, is_scores, suite_of
from yardstick.config import Config
from yardstick.errors import YardstickError
from yardstick.identity import Document, Identity, asked_of, document_hash, measurement_identity, score_definition
from yardstick.machine import machine_label
from yardstick.paths import ARCHITECTURES, CALIBRATION
from yardstick.registry import ModelEntry
from yardstick.shard_paths import Listing, ShardPath
from yardstick.suite_checks import suite_refusal
from yardstick.suites.base import BaseSuite

LEADERBOARD_CODE = Path(__file__).parent / "leaderboard"
_FORECAST_CODE = Path(__file__).parent / "hardware"


@dataclass(frozen=True)
class Inputs:
    """All that a plan depends on.

    Attributes:
        root: the repository's root.
        config: the settings.
        registry: the models by id.
        suites: the suites by name, the main one first.
        listing: what lies under `results/`.
        threads: threads that a measurement is given.
    """

    root: Path
    config: Config
    registry: dict[str, ModelEntry]
    suites: dict[str, BaseSuite]
    listing: Listing
    threads: int


class Plan:
    """Answers of `Inputs`: paths of current shards, the wanted ones, the valid ones."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self._identities: dict[tuple[str, str], Identity] = {}
        self._score_definitions: dict[tuple[str, str], str] = {}

    @cached_property
    def machine(self) -> str:
        """Label of this machine."""
        return machine_label(self.inputs.config.machine)

    @cached_property
    def left_out_suites(self) -> dict[str, str]:
        """Suites that are asked for and cannot run on this machine, each with the reason and the remedy."""
        asked = [suite for name, suite in self.inputs.suites.items() if name in self.inputs.config.suites]
        return {suite.name: reason for suite in asked if (reason := suite_refusal(suite))}

    def metrics(self, entry: ModelEntry) -> list[str]:
        """Return the metrics that run a model and are asked for here: the suites in use, then speed and memory."""
        return [metric for metric, info in METRICS.items() if info.suite is None or self._is_used(info.suite, entry)]

    def _is_used(self, suite: str, entry: ModelEntry) -> bool:
        is_on = suite in self.inputs.config.suites and suite not in self.left_out_suites
        return is_on and not self.misfit(suite, entry)

    def misfit(self, suite: str, entry: ModelEntry) -> str | None:
        """Return why a model cannot be asked a suite, with the remedy, or None."""
        return self.inputs.suites[suite].misfit(asked_of(entry, self.inputs.config.epoch))

    def obstacle(self, entry: ModelEntry) -> str | None:
        """Return why nothing can be planned for a model, or None."""
        try:
            self.identity(ANSWERS, entry)
        except YardstickError as error:
            return str(error)
        return None

    def identity(self, metric: str, entry: ModelEntry) -> Identity:
        """Return the current identity of one metric that runs the model."""
        key = metric, entry.id
        if key not in self._identities:
            inputs = self.inputs
            self._identities[key] = measurement_identity(
                metric, entry, inputs.config, suites=inputs.suites, threads=inputs.threads, root=inputs.root
            )
        return self._identities[key]

    def definition_hash(self, metric: str, entry: ModelEntry) -> str:
        """Return the current definition hash of any metric, scores included."""
        if not is_scores(metric):
            return self.identity(metric, entry).definition_hash
        key = metric, entry.id
        if key not in self._score_definitions:
            self._score_definitions[key] = document_hash(self.score_definition(metric, entry))
        return self._score_definitions[key]

    def score_definition(self, suite: str, entry: ModelEntry) -> Document:
        """Return the current definition of the scores of a suite."""
        answers = self.identity(answers_metric(suite), entry).definition_hash
        return score_definition(answers, entry, self.inputs.suites[suite])

    def path(self, metric: str, entry: ModelEntry) -> ShardPath:
        """Return where this machine's current shard of a measured metric is or will be."""
        identity = self.identity(metric, entry)
        return ShardPath(metric, entry.id, self.machine, identity.definition_hash, identity.environment_hash)

    def is_current(self, path: ShardPath) -> bool:
        """Tell whether a shard is there that makes measuring ``path`` needless."""
        if METRICS[path.metric].is_machine_bound:
            return path in self.inputs.listing.sizes
        # Answers do not depend on the machine's speed: one from anywhere will do.
        return any(
            (shard.definition, shard.environment) == (path.definition, path.environment)
            for shard in self.inputs.listing.of(path.metric, path.model)
        )

    def wanted_measurements(self, entry: ModelEntry) -> list[ShardPath]:
        """Return the shards of one model that are to be measured on this machine."""
        paths = [self.path(metric, entry) for metric in self.metrics(entry)]
        return [path for path in paths if not self.is_current(path)]

    def valid(self, metric: str, entry: ModelEntry) -> list[ShardPath]:
        """Return the shards whose definition is current, from any machine and environment, sorted by path."""
        if (suite_of(metric) or MAIN_SUITE) not in self.inputs.suites:
            return []
        current = self.definition_hash(metric, entry)
        return [shard for shard in self.inputs.listing.of(metric, entry.id) if shard.definition == current]

    def score_of(self, answers: ShardPath, entry: ModelEntry) -> ShardPath:
        """Return where the current scores of an answers' shard are or will be."""
        suite = suite_of(answers.metric)
        assert suite is not None
        definition = self.definition_hash(suite, entry)
        return ShardPath(suite, entry.id, answers.machine, definition, answers.environment)

    def wanted_scores(self, measured: Iterable[ShardPath] = ()) -> Iterator[ShardPath]:
        """Yield the scores that are missing: of all valid answers, and of answers that are about to be measured."""
        planned = {(path.model, path.metric): path for path in measured}
        for entry in self.inputs.registry.values():
            if self.obstacle(entry):
                continue
            for metric in self._scored_metrics(entry, planned):
                new = planned.get((entry.id, metric))
                for path in self.valid(metric, entry) + ([new] if new else []):
                    score = self.score_of(path, entry)
                    if score not in self.inputs.listing.sizes:
                        yield score

    def _scored_metrics(self, entry: ModelEntry, planned: Container[tuple[str, str]]) -> Iterator[str]:
        """Yield the metrics of answers that are there or planned, and that this machine can score."""
        for suite in self.inputs.suites:
            metric = answers_metric(suite)
            is_there = (entry.id, metric) in planned or self.inputs.listing.of(metric, entry.id)
            if is_there and not suite_refusal(self.inputs.suites[suite]):
                yield metric

    def fingerprint(self) -> str:
        """Return 16 hex digits of all that the leaderboard is made from."""
        inputs = self.inputs
        parts = {
            "shards": [f"{path} {size}" for path, size in sorted(inputs.listing.sizes.items())],
            "foreign": inputs.listing.foreign,
            "registry": [entry.model_dump(mode="json") for entry in inputs.registry.values()],
            "suites": {name: suite.model_dump(mode="json") for name, suite in inputs.suites.items()},
            "protocol": inputs.config.protocol.model_dump(mode="json"),
            "forecasts": [file.read_text(encoding="utf-8") for file in _forecast_files(inputs.root)],
            "code": [path.read_text(encoding="utf-8") for path in sorted(LEADERBOARD_CODE.glob("**/*.[pj][y2]"))],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _forecast_files(root: Path) -> list[Path]:
    """Return what forecasts are made by and from, beside shards and the registry."""
    kept = [root / ARCHITECTURES] if (root / ARCHITECTURES).exists() else []
    return [*sorted(_FORECAST_CODE.glob("*.py")), *sorted((root / CALIBRATION).glob("*.json")), *kept]
