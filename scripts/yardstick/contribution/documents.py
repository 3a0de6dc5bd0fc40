"""The documents that a shard stores, as strict models: their shape, and what no honest measurement writes into them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from yardstick.catalog import BACKENDS, METRICS
from yardstick.contribution.label import label_problem
from yardstick.leaderboard.text import one_line
from yardstick.registry import ModelEntry
from yardstick.shards import Shard

_FIRST_RESULT = datetime(2025, 1, 1, tzinfo=UTC)
_CLOCK_SLACK = timedelta(hours=1)
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")

_Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
_Version = Annotated[str, Field(max_length=100, pattern=r"^[0-9A-Za-z][0-9A-Za-z.+!_-]*$")]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Environment(_Document):
    """What a measurement ran in. See `yardstick.identity.environment_document`."""

    packages: dict[_Text, _Version] = Field(max_length=100)
    python: str = Field(pattern=r"^3\.[0-9]{1,2}$")
    epoch: str = Field(pattern=r"^[A-Za-z0-9._-]*$", max_length=32)
    threads: int | None = Field(default=None, ge=1, le=1024)
    device: Literal["cpu", "cuda", "mps"] | None = None
    server: dict[_Text, _Text] | None = Field(default=None, max_length=10)


class Machine(_Document):
    """Facts of a machine. See `yardstick.machine.machine_facts`."""

    cpu: _Text = Field(min_length=1)
    cores: int = Field(ge=1, le=4096)
    memory_bytes: int = Field(ge=2**27, le=2**47)
    system: _Text = Field(min_length=1)
    architecture: _Text = Field(min_length=1)
    accelerators: list[_Text] = Field(default=[], max_length=64)


class Guards(_Document):
    """Guard rails. See `yardstick.guards`."""

    load_before: _Amount
    load_after: _Amount
    foreign_cores: Annotated[float, Field(ge=0, le=4096, allow_inf_nan=False)]
    cpu_mhz_before: _Amount | None
    cpu_mhz_after: _Amount | None
    swapped_bytes: int
    foreign_gpu_processes: Annotated[int, Field(ge=0, le=100_000)] | None = None
    wall_s: Annotated[float, Field(gt=0, le=1e7, allow_inf_nan=False)]


class Sampling(_Document):
    """What ended the sampling. See `yardstick.metrics.timing.Sampling`."""

    stopped_by: Literal["interval", "count", "seconds", "gain"] | None = None
    relative_interval: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class Run(_Document):
    """What is known of a measurement. See `yardstick.measuring`."""

    measured_at: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")
    threads: int = Field(ge=1, le=1024)
    machine: Machine
    guards: Guards
    engine: dict[_Text, _Text] = Field(default={}, max_length=20)
    sampling: Sampling = Sampling()


def document_problems(shard: Shard, entry: ModelEntry, now: datetime) -> Iterator[str]:
    """Yield what is wrong with a shard's environment and run documents.

    Args:
        shard: the shard; its definition is known to be current.
        entry: its model.
        now: the time, with a zone.
    """
    try:
        environment = Environment.model_validate(shard.identity["environment"])
        run = Run.model_validate(shard.run)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join([error.title.lower(), *map(str, first["loc"])])
        yield f"{one_line(where)}: {one_line(first['msg'])}"
        return
    yield from _environment_problems(shard.path.metric, environment, entry)
    yield from _time_problems(run, environment, now)
    yield from _machine_problems(run, environment, shard.path.machine)


def run_of(shard: Shard) -> Run:
    """Return the run document of a shard in which `document_problems` found nothing."""
    return Run.model_validate(shard.run)


def _environment_problems(metric: str, environment: Environment, entry: ModelEntry) -> Iterator[str]:
    backend = BACKENDS[entry.backend]
    unknown = sorted(set(environment.packages) - set(backend.packages))
    missing = sorted(set(backend.packages) - set(environment.packages))
    if unknown:
        yield f"environment packages: {entry.backend} does not run on {one_line(unknown[0])}"
    if missing and not (backend.program or backend.server):
        yield f"environment packages: the version of {missing[0]} is missing"
    is_bound = metric in METRICS and METRICS[metric].is_machine_bound
    if is_bound != (environment.threads is not None):
        yield f"environment threads: {'missing' if is_bound else f'given, but {metric} does not depend on them'}"
    if (entry.device == "auto") != (environment.device is not None):
        yield f"environment device: the registry says device: {entry.device}"
    if environment.server is not None and not backend.server:
        yield f"environment server: {entry.backend} has none"


def _time_problems(run: Run, environment: Environment, now: datetime) -> Iterator[str]:
    try:
        measured_at = datetime.strptime(run.measured_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        yield f"measured_at {run.measured_at}: no such time"
        return
    if measured_at > now + _CLOCK_SLACK:
        yield f"measured_at {run.measured_at}: in the future; set the machine's clock"
    if measured_at < _FIRST_RESULT:
        yield f"measured_at {run.measured_at}: before there was a Yardstick; set the machine's clock"
    if week := _WEEK.fullmatch(environment.epoch):
        try:
            begins = datetime.combine(date.fromisocalendar(int(week[1]), int(week[2]), 1), datetime.min.time(), UTC)
        except ValueError:
            yield f"epoch {environment.epoch}: no such week"
            return
        if measured_at < begins - _CLOCK_SLACK:
            yield f"epoch {environment.epoch}: measured before that week began"


def _machine_problems(run: Run, environment: Environment, label: str) -> Iterator[str]:
    machine, guards = run.machine, run.guards
    if environment.threads not in (None, run.threads):
        yield f"threads: {run.threads} in the run, {environment.threads} in the environment"
    if run.threads > machine.cores:
        yield f"threads: {run.threads} on a machine of {machine.cores} cores"
    if guards.foreign_cores > 1.5 * machine.cores + 1:
        yield f"guards foreign_cores: {guards.foreign_cores} busy of {machine.cores}"
    if guards.swapped_bytes < 0:
        yield "guards swapped_bytes: less than nothing was swapped"
    if problem := label_problem(label, cpu=machine.cpu, cores=machine.cores, memory_bytes=machine.memory_bytes):
        yield problem
