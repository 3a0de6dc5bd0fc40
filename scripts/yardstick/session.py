"""One Snakemake run: what the rules ask, answered without Snakemake, so that it can be tested alone."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from yardstick.catalog import METRICS, answers_metric
from yardstick.config import Config, parse_config
from yardstick.engine_checks import has_ollama_model
from yardstick.errors import YardstickError
from yardstick.files import write_atomically
from yardstick.hub.cache import cached_snapshot
from yardstick.identity import document_hash
from yardstick.inputs import load_inputs
from yardstick.paths import CONFIG, FETCHED, LEADERBOARD, LEADERBOARD_FILES, RESULTS, RUNS
from yardstick.plan import Plan
from yardstick.preflight import refusals
from yardstick.registry import TIERS, HubSource, ModelEntry, OllamaSource, select
from yardstick.shard_paths import ShardPath


@dataclass
class Session:
    """The state of one run in the current folder.

    Attributes:
        settings: Snakemake's `config`, command line included.
        cores: the cores that Snakemake was given; None in a run whose jobs go to other machines.
        say: prints one line for the user.
    """

    settings: Mapping[str, Any]
    cores: int | None
    say: Callable[[str], None]
    _wanted: dict[str, list[ShardPath]] = field(default_factory=dict)
    _files: set[str] = field(default_factory=set)
    is_profiling: bool = False

    def __post_init__(self) -> None:
        self.run_id = f"{int(time.time()):x}-{os.getpid():x}"
        if self.is_remote and self.config.machine == "auto":
            raise YardstickError(
                f"{CONFIG}: machine: auto means this machine, but jobs go to others; set a label for them in the "
                "profile's site.yaml (docs/slurm.md)"
            )
        self.plan = Plan(load_inputs(Path(), self.config, self.threads))

    @cached_property
    def config(self) -> Config:
        """The validated settings."""
        return parse_config(self.settings, file=str(CONFIG))

    @cached_property
    def threads(self) -> int:
        """Threads of a measurement."""
        asked = self.config.threads
        if asked == "cores":
            if self.cores is None:
                raise YardstickError(
                    f"{CONFIG}: threads: jobs on other machines need a whole number; set it in the profile's site.yaml"
                )
            return self.cores
        if self.cores is not None and asked > self.cores:
            raise YardstickError(f"{CONFIG}: threads: {asked} exceeds --cores {self.cores}; raise --cores")
        return asked

    @cached_property
    def config_file(self) -> Path:
        """A snapshot of the settings for this run's jobs: edits meanwhile and `--config` reach all or none."""
        document = self.config.model_dump(mode="json")
        path = RUNS / f"config-{document_hash(document)}.json"
        if not path.exists():
            write_atomically(path, json.dumps(document, indent=1).encode())
        return path

    @property
    def is_remote(self) -> bool:
        """Tell whether other machines measure."""
        return self.cores is None

    def selected(self, tiers: tuple[str, ...] = TIERS) -> list[ModelEntry]:
        """Return the models of the tiers, narrowed by `--config models=...`."""
        return select(self.plan.inputs.registry, tiers=tiers, names=self.config.models)

    def entry(self, model: str) -> ModelEntry:
        """Return the registry's entry of a model."""
        return self.plan.inputs.registry[model]

    def wanted(self, target: str, tiers: tuple[str, ...]) -> list[str]:
        """Return the files that a target asks for: shards, scores, and the leaderboard when any is wanted or it is old.

        Models that this machine cannot run are left out with a line each.

        Raises:
            YardstickError: with ``strict``, the first of these lines.
        """
        if target not in self._wanted:
            measurements = [path for entry in self._runnable(tiers) for path in self.plan.wanted_measurements(entry)]
            self._wanted[target] = [*measurements, *self.plan.wanted_scores(measurements)]
        files = self.wanted_shards(target)
        if files or not self.is_leaderboard_current():
            files.append(self.leaderboard_marker(target))
        self._files.update(files)
        # A target without any file would run as a job; with one that exists Snakemake ends at once.
        return files or [str(LEADERBOARD / LEADERBOARD_FILES[0])]

    def wanted_leaderboard(self) -> list[str]:
        """Return the scores that are missing and the leaderboard, which is built whenever it is asked for by name."""
        target = "leaderboard"
        if target not in self._wanted:
            self._wanted[target] = list(self.plan.wanted_scores())
        files = [*self.wanted_shards(target), self.leaderboard_marker(target)]
        self._files.update(files)
        return files

    def wanted_profile(self) -> list[str]:
        """Return this machine's profile; it is measured unless it is there."""
        # Late: few runs ask for it.
        from yardstick.hardware.profile_job import profile_path

        file = profile_path(self.config).below(RESULTS)
        self.is_profiling = not file.exists()
        return [str(file)]

    def is_writing(self) -> bool:
        """Tell whether this run writes results or the leaderboard."""
        return bool(self._files)

    def is_running_models(self) -> bool:
        """Tell whether this run measures anything, and not only scores and reduces."""
        return any(path.metric in METRICS for paths in self._wanted.values() for path in paths)

    def wanted_shards(self, target: str) -> list[str]:
        """Return the shards that `wanted` found for a target."""
        return [str(path.below(RESULTS)) for path in self._wanted.get(target, [])]

    def leaderboard_marker(self, target: str) -> str:
        """Return a file that is new in each run: a leaderboard that is asked for is always built."""
        return str(RUNS / f"leaderboard-{target}-{self.run_id}")

    def is_leaderboard_current(self) -> bool:
        """Tell whether the leaderboard's files are all there and made from what is there now."""
        try:
            with (LEADERBOARD / LEADERBOARD_FILES[0]).open("rb") as file:
                head = file.read(400).decode(errors="replace")
        except OSError:
            return False
        is_complete = all((LEADERBOARD / name).exists() for name in LEADERBOARD_FILES)
        return is_complete and f'"fingerprint": "{self.plan.fingerprint()}"' in head

    def fetch_record(self, model: str) -> str | None:
        """Return the file that says a model is in the hub cache, or None for a model that needs no fetching."""
        entry = self.plan.inputs.registry[model]
        source = entry.source
        if isinstance(source, HubSource) and not entry.server.url:
            record = FETCHED / f"{model}-{source.revision[:12]}.json"
            is_there = cached_snapshot(source.hub, source.revision, source.file) is not None
        elif isinstance(source, OllamaSource) and source.digest:
            record = FETCHED / f"{model}-{source.digest[:12]}.json"
            is_there = has_ollama_model(source, self.config)
        else:
            return None
        if record.exists() and not is_there:
            record.unlink()
        return str(record)

    def answers_of(self, *, suite: str, model: str, machine: str, environment: str) -> str:
        """Return the answers that a score is computed from."""
        metric = answers_metric(suite)
        definition = self.plan.definition_hash(metric, self.plan.inputs.registry[model])
        path = ShardPath(metric, model, machine, definition, environment)
        if path in self.plan.inputs.listing.sizes and not path.below(RESULTS).exists():
            # Compacted: the job that scores them reads a file. Late: it costs the import of pyarrow.
            from yardstick.history.compaction import restore_shard

            restore_shard(RESULTS, path)
        return str(path.below(RESULTS))

    def unfinished(self) -> list[ShardPath]:
        """Return the wanted shards of this run that are still missing."""
        return [path for paths in self._wanted.values() for path in paths if not path.below(RESULTS).exists()]

    def _runnable(self, tiers: tuple[str, ...]) -> list[ModelEntry]:
        selected = self.selected(tiers)
        self._name_models_of_other_tiers(selected)
        self._name_suites_that_cannot_run(selected)
        obstacles = {entry.id: self.plan.obstacle(entry) for entry in selected}
        planned = [entry for entry in selected if not obstacles[entry.id]]
        needy = [entry for entry in planned if self.plan.wanted_measurements(entry)]
        refused = {
            **{name: reason for name, reason in obstacles.items() if reason},
            **refusals(needy, self.config, is_remote=self.is_remote, plan=self.plan),
        }
        for name, reason in refused.items():
            if self.config.strict:
                raise YardstickError(f"{name}: {reason} (strict is on)")
            self.say(f"left out: {name}: {reason}")
        return [entry for entry in planned if entry.id not in refused]

    def _name_suites_that_cannot_run(self, selected: list[ModelEntry]) -> None:
        """Say which suites this machine lacks something for, and which models cannot be asked one; once in a run."""
        lines = [f"suite {name}: {reason}" for name, reason in self.plan.left_out_suites.items()]
        for name in self.config.suites:
            reasons = {entry.id: self.plan.misfit(name, entry) for entry in selected}
            lines += [f"suite {name} for {model}: {reason}" for model, reason in reasons.items() if reason]
        for line in lines:
            if self.config.strict:
                raise YardstickError(f"{line} (strict is on)")
            self.say(f"left out: {line}")

    def _name_models_of_other_tiers(self, selected: list[ModelEntry]) -> None:
        """Say so where a model that was asked for by name is not in the target's tier."""
        for entry in self.selected():
            if self.config.models and entry not in selected:
                self.say(f"left out: {entry.id}: it is in tier {entry.tier}; run: snakemake --cores 1 {entry.tier}")
