"""What is there, what is wanted, and why: the registry and settings held against the listing of `results/`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from yardstick.catalog import ANSWERS, METRICS, SCORES
from yardstick.config import Config
from yardstick.errors import YardstickError
from yardstick.identity import Identity, document_hash, measurement_identity, score_definition
from yardstick.machine import machine_label
from yardstick.registry import ModelEntry
from yardstick.shard_paths import Listing, ShardPath
from yardstick.suites.suite import Suite

LEADERBOARD_CODE = Path(__file__).parent / "leaderboard"


@dataclass(frozen=True)
class Inputs:
    """All that a plan depends on.

    Attributes:
        root: the repository's root.
        config: the settings.
        registry: the models by id.
        suite: the reasoning suite.
        listing: what lies under `results/`.
        threads: threads that a measurement is given.
    """

    root: Path
    config: Config
    registry: dict[str, ModelEntry]
    suite: Suite
    listing: Listing
    threads: int


class Plan:
    """Answers of `Inputs`: paths of current shards, the wanted ones, the valid ones."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self._identities: dict[tuple[str, str], Identity] = {}
        self._score_definitions: dict[str, str] = {}

    @cached_property
    def machine(self) -> str:
        """Label of this machine."""
        return machine_label(self.inputs.config.machine)

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
                metric, entry, inputs.config, suite=inputs.suite, threads=inputs.threads, root=inputs.root
            )
        return self._identities[key]

    def definition_hash(self, metric: str, entry: ModelEntry) -> str:
        """Return the current definition hash of any metric, scores included."""
        if metric != SCORES:
            return self.identity(metric, entry).definition_hash
        if entry.id not in self._score_definitions:
            answers = self.identity(ANSWERS, entry).definition_hash
            self._score_definitions[entry.id] = document_hash(score_definition(answers, entry, self.inputs.suite))
        return self._score_definitions[entry.id]

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
        paths = [self.path(metric, entry) for metric in METRICS]
        return [path for path in paths if not self.is_current(path)]

    def valid(self, metric: str, entry: ModelEntry) -> list[ShardPath]:
        """Return the shards whose definition is current, from any machine and environment, sorted by path."""
        current = self.definition_hash(metric, entry)
        return [shard for shard in self.inputs.listing.of(metric, entry.id) if shard.definition == current]

    def score_of(self, answers: ShardPath, entry: ModelEntry) -> ShardPath:
        """Return where the current scores of an answers' shard are or will be."""
        definition = self.definition_hash(SCORES, entry)
        return ShardPath(SCORES, entry.id, answers.machine, definition, answers.environment)

    def wanted_scores(self, measured: Iterable[ShardPath] = ()) -> Iterator[ShardPath]:
        """Yield the scores that are missing: of all valid answers, and of answers that are about to be measured."""
        planned = {path.model: path for path in measured if path.metric == ANSWERS}
        for entry in self.inputs.registry.values():
            if self.obstacle(entry):
                continue
            answers = self.valid(ANSWERS, entry) + ([planned[entry.id]] if entry.id in planned else [])
            for path in answers:
                score = self.score_of(path, entry)
                if score not in self.inputs.listing.sizes:
                    yield score

    def fingerprint(self) -> str:
        """Return 16 hex digits of all that the leaderboard is made from."""
        inputs = self.inputs
        parts = {
            "shards": [f"{path} {size}" for path, size in sorted(inputs.listing.sizes.items())],
            "foreign": inputs.listing.foreign,
            "registry": [entry.model_dump(mode="json") for entry in inputs.registry.values()],
            "suite": inputs.suite.model_dump(mode="json"),
            "protocol": inputs.config.protocol.model_dump(mode="json"),
            "code": [path.read_text(encoding="utf-8") for path in sorted(LEADERBOARD_CODE.glob("**/*.[pj][y2]"))],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
