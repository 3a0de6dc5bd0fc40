"""Check a contribution: its paths, its registry entry, and each of its shards."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from yardstick.config import load_config
from yardstick.contribution.allowed import is_history, is_profile, is_result, path_problem, total_problems
from yardstick.contribution.changes import Change, Changes
from yardstick.contribution.documents import document_problems, run_of
from yardstick.contribution.headline import headline
from yardstick.contribution.reading import open_shard
from yardstick.contribution.registry_change import registry_change
from yardstick.contribution.report import Report, Verdict
from yardstick.contribution.shard_check import ShardCheck, order
from yardstick.contribution.values.agreement import machine_disagreement
from yardstick.errors import YardstickError
from yardstick.inputs import load_inputs
from yardstick.leaderboard.text import one_line
from yardstick.paths import CONFIG, REGISTRY, RESULTS
from yardstick.plan import Plan
from yardstick.shard_paths import ShardPath, parse_shard_path
from yardstick.shards import Shard, read_shard

_TIMINGS = ("latency", "throughput", "concurrency", "long_text")
_NOTHING = "no new results; measure first, for example: make local_only MODELS=<id>"


def check(root: Path, changes: Changes, *, is_local: bool = False, now: datetime | None = None) -> Report:
    """Check what a contribution changes. Its content is only ever read as data.

    Args:
        root: the repository whose code and settings are trusted.
        changes: what the contribution changes.
        is_local: whether other changes are a contributor's own affair: then they are notes and not refused.
        now: the time, by default the current.
    """
    if not any(is_result(change) or (is_history(change) and not is_local) for change in changes.found):
        return Report([], notes=[_NOTHING])
    if problems := total_problems(changes.found):
        return Report([], general=problems)
    parts = [change for change in changes.found if is_result(change) or change.path == str(REGISTRY)]
    if is_local:
        parts = [change for change in parts if not is_profile(change)]
    other = [change for change in changes.found if change not in parts]
    refused = {change.path: Verdict(change.path, [problem]) for change in parts if (problem := path_problem(change))}
    good = [change for change in parts if change.path not in refused]
    if not is_local:
        refused |= {change.path: Verdict(change.path, [path_problem(change) or ""]) for change in other}
    with _unpacked(good, changes) as folder:
        found = _verdicts(root, folder, [change.path for change in good], now or datetime.now(UTC))
    verdicts = {**refused, **found}
    return Report([verdicts[path] for path in sorted(verdicts)], notes=list(_notes(other)) if is_local else [])


@contextmanager
def _unpacked(good: list[Change], changes: Changes) -> Iterator[Path]:
    """Yield a folder with the content of files whose paths are a shard's or the registry's."""
    with tempfile.TemporaryDirectory(prefix="yardstick-contribution-") as folder:
        for change in good:
            file = Path(folder) / change.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(changes.content(change))
        yield Path(folder)


def _verdicts(root: Path, folder: Path, paths: list[str], now: datetime) -> dict[str, Verdict]:
    inputs = load_inputs(root, load_config(root / CONFIG), threads=1)
    found: dict[str, Verdict] = {}
    if str(REGISTRY) in paths:
        change = registry_change(inputs.registry, folder / REGISTRY)
        inputs = dataclasses.replace(inputs, registry=change.registry)
        summary = f"adds {change.added}" if change.added else "no entry is added"
        found[str(REGISTRY)] = Verdict(str(REGISTRY), change.problems, summary)
    checked = _Checked(root, folder, Plan(inputs), now)
    shards = {path: _shard(path) for path in paths if path != str(REGISTRY)}
    # Those come first which others are held against.
    for path in sorted(shards, key=lambda path: order(shards[path])):
        found[path] = checked.verdict(path, shards[path])
    return found


class _Checked:
    """The shards of a contribution, and what is known of those that were checked."""

    def __init__(self, root: Path, folder: Path, plan: Plan, now: datetime) -> None:
        self._root, self._folder, self._plan, self._now = root, folder, plan, now
        self._check = ShardCheck(plan, self._find, now)
        self._good: dict[ShardPath, Shard] = {}

    def verdict(self, path: str, name: ShardPath) -> Verdict:
        """Check one shard; those that it is held against were checked before."""
        try:
            shard = open_shard(self._folder / RESULTS, name)
            problems = self._check.problems(shard) or self._machine_problems(shard) or self._copy_problems(shard)
        except YardstickError as error:
            return Verdict(path, [str(error)])
        except Exception as error:
            # Whatever a forged file makes fail is the file's fault, and must not hide what is wrong with the others.
            return Verdict(path, [f"cannot be checked ({type(error).__name__}); commit the file as the run wrote it"])
        if problems:
            return Verdict(path, problems)
        self._good[name] = shard
        return Verdict(path, summary=headline(shard))

    def _machine_problems(self, shard: Shard) -> list[str]:
        run = run_of(shard)
        for other in self._good.values():
            if other.path.machine == shard.path.machine and (problem := machine_disagreement(run_of(other), run)):
                return [f"{one_line(problem)}; measure each machine under its own label, or with machine: auto"]
        return []

    def _copy_problems(self, shard: Shard) -> list[str]:
        """Find timings that are another result's: no two measurements take the same nanoseconds."""
        if shard.path.metric not in _TIMINGS:
            return []
        same = [path for path in self._good if _is_rival(path, shard.path)]
        same += [
            path
            for path in self._plan.inputs.listing.of(shard.path.metric, shard.path.model)
            if _is_rival(path, shard.path) and path not in self._good
        ]
        for path in same:
            other = self._find(path)
            if other is not None and other.rows == shard.rows:
                return [f"its rows are those of {RESULTS}/{path}; contribute what this machine measured"]
        return []

    def _find(self, path: ShardPath) -> Shard | None:
        if path in self._good or (self._folder / RESULTS / str(path)).exists():
            return self._good.get(path)
        if path not in self._plan.inputs.listing.sizes:
            return None
        return self._known(path)

    def _known(self, path: ShardPath) -> Shard | None:
        """Return a shard of the repository, if it still reads and its documents are whole."""
        try:
            shard = read_shard(self._root / RESULTS, path)
        except YardstickError:
            return None
        entry = self._plan.inputs.registry[path.model]
        return None if list(document_problems(shard, entry, self._now)) else shard


def _notes(other: list[Change]) -> Iterator[str]:
    """Yield a line for each kind of change that is no part of a contribution."""
    folders = sorted({one_line(change.path.split("/")[0]) for change in other})
    for folder in folders:
        within = [change for change in other if one_line(change.path.split("/")[0]) == folder]
        yield f"{folder}, {len(within)} changed: {path_problem(within[0])}"
    if {"config", "scripts", "workflow"} & set(folders):
        yield "code or settings differ from the last commit; results measured with them are refused elsewhere"


def _is_rival(path: ShardPath, other: ShardPath) -> bool:
    """Tell whether two shards are of the same measurement, of different machines or environments."""
    names = (path.metric, path.model, path.definition), (other.metric, other.model, other.definition)
    return names[0] == names[1] and path != other


def _shard(path: str) -> ShardPath:
    shard = parse_shard_path(path.removeprefix(f"{RESULTS}/"))
    assert shard is not None
    return shard
