"""False alarms and power of `snakemake regressions` and `make compare`, on the embedded models.

Each measurement is real, made by the metrics' own code in a process of its own: plain ones, and slowed ones in which
every token is followed by a busy wait of 10 % of a token's time. They alternate (plain, slowed, slowed, plain). Histories
and pairs are then drawn from them many times over; a second estimate of power multiplies plain times by 1.1 instead.
A second look is the measurement after the first, as in a search: an hour that slows one slows both. The draws share
their few measurements, so the shares are as good as these stand for the machine's habits.

Run: python tests/benchmarks/bench_regressions.py [--seconds S] [--measurements FILE] [--trials N], about 7 minutes by
default. With a file, measurements are added to those in it; --seconds 0 only draws. It prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmark_models import REPOSITORY, machine_line
from yardstick.backends.base import ModelSpec
from yardstick.backends.transformers import TransformersEngine, import_libraries
from yardstick.config import load_config
from yardstick.guards import guard_rails
from yardstick.leaderboard.flags import guard_flags
from yardstick.leaderboard.stored import Guards
from yardstick.locks import machine_lock
from yardstick.metrics import latency, throughput
from yardstick.registry import EmbeddedSource, load_registry
from yardstick.regressions.blocks import BLOCK
from yardstick.regressions.paired import Speed, compare_pairs, decide_pairs, pairs_needed
from yardstick.regressions.verdicts import Verdict, compare_times, decide

SLOWDOWN = 0.10
# Alternations of the plain and the slowed engine: fewer hold no second look that differs from the first.
LEAST_ROUNDS = 3
METRICS = ("latency", "throughput")

Times = list[float]


@dataclass(frozen=True)
class Measured:
    """One measurement.

    Attributes:
        times: metric -> seconds per request, or per token of each run.
        foreign_cores: cores that other processes kept busy.
        flags: what the guard rails say; a search raises no alarm where they say anything.
    """

    times: dict[str, Times]
    foreign_cores: float
    flags: list[str]


class SlowedEngine(TransformersEngine):
    """The same engine, busy for a while after each token."""

    delay_s = 0.0

    def load(self) -> None:
        """Load the model and slow its forward pass."""
        super().load()
        forward, delay_s = self._model.forward, self.delay_s

        def slowed(*arguments: Any, **options: Any) -> Any:
            output = forward(*arguments, **options)
            end_s = time.perf_counter() + delay_s
            while time.perf_counter() < end_s:
                pass
            return output

        self._model.forward = slowed


@dataclass
class Model:
    """One embedded model and what was measured of it, in the order of time."""

    spec: ModelSpec
    delay_s: float = 0.0
    plain: list[Measured] = field(default_factory=list)
    slowed: list[Measured] = field(default_factory=list)

    def measure(self, *, is_slowed: bool) -> None:
        """Measure latency and throughput in a fresh process."""
        delay_s = self.delay_s if is_slowed else 0.0
        measured = Measured(**in_child(lambda: observe(self.spec, delay_s)))
        (self.slowed if is_slowed else self.plain).append(measured)

    def calibrate(self) -> None:
        """Set the delay to a share of a token's time, by a measurement that is then thrown away."""
        self.measure(is_slowed=False)
        self.delay_s = SLOWDOWN * statistics.median(self.plain.pop().times["throughput"])


def observe(spec: ModelSpec, delay_s: float) -> dict[str, Any]:
    """Return the times of one measurement; at most 6 s a metric, so that a noisy machine costs no more."""
    protocol = load_config(REPOSITORY / "config/config.yaml").protocol
    prompts, limits = protocol.prompts, {"most_s": 6.0, "progress": lambda done, total: None}
    engine = SlowedEngine(spec)
    engine.delay_s = delay_s
    engine.prepare()
    with machine_lock(is_exclusive=True, waiting=lambda: None), guard_rails() as guards:
        requests = latency.observe(engine, prompts=prompts, **(protocol.latency.model_dump() | limits))
        runs = throughput.observe(engine, prompts=prompts, **(protocol.throughput.model_dump() | limits))
    times = {
        "latency": [row["e2e_s"] for row in requests.rows],
        "throughput": [row["wall_s"] / row["output_tokens"] for row in runs.rows],
    }
    flags = guard_flags(Guards.model_validate(guards), is_timing=True)
    return {"times": times, "foreign_cores": guards["foreign_cores"], "flags": sorted(flags)}


def in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a forked process makes; it has the libraries, and no model."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as pipe:
                json.dump(work(), pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("a measurement failed")
    measured: dict[str, Any] = json.loads(text)
    return measured


def embedded_models() -> list[Model]:
    """Return the embedded models, nothing measured yet."""
    registry = load_registry(REPOSITORY / "config/models.yaml")
    entries = [entry for entry in registry.values() if isinstance(entry.source, EmbeddedSource)]
    folder = REPOSITORY / "workflow/resources/embedded"
    return [
        Model(ModelSpec(entry.id, folder / entry.source.embedded, entry.dtype, "cpu", entry.context_length, threads=1))
        for entry in entries
        if isinstance(entry.source, EmbeddedSource)
    ]


def collect(models: list[Model], seconds: float) -> None:
    """Measure the models in turn until the time is over and each has enough."""
    import_libraries()
    for model in models:
        if not model.delay_s:
            model.calibrate()
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s or len(models[-1].plain) < 2 * LEAST_ROUNDS:
        for model in models:
            for is_slowed in (False, True, True, False):
                model.measure(is_slowed=is_slowed)


def load(models: list[Model], file: Path) -> None:
    """Take up measurements of an earlier run of this benchmark."""
    for model, stored in zip(models, json.loads(file.read_text()), strict=True):
        model.delay_s = stored["delay_s"]
        model.plain = [Measured(**measured) for measured in stored["plain"]]
        model.slowed = [Measured(**measured) for measured in stored["slowed"]]


def save(models: list[Model], file: Path) -> None:
    """Store what was measured."""
    kinds = ("plain", "slowed")
    content = [
        {"delay_s": model.delay_s, **{kind: [asdict(found) for found in getattr(model, kind)] for kind in kinds}}
        for model in models
    ]
    file.write_text(json.dumps(content))


def resampled(times: Times, source: random.Random, factor: float = 1.0) -> Times:
    """Return as many of the times, drawn with replacement."""
    return [factor * value for value in source.choices(times, k=len(times))]


@dataclass(frozen=True)
class Case:
    """What the newest results are drawn from: a kind of measurement, and a factor on its times."""

    name: str
    kind: str
    factor: float = 1.0


NULL = Case("nothing changed", "plain")
CASES = (NULL, Case("slowed for real", "slowed"), Case("times multiplied", "plain", 1 + SLOWDOWN))


def alarms(models: list[Model], case: Case, earlier: int, source: random.Random) -> list[bool]:
    """Return which of all metrics of all models raise an alarm in one search: worse at the first and the second look."""
    series = [(model, metric) for model in models for metric in METRICS]
    histories: list[list[Times]] = []
    looks: list[tuple[Measured, Measured]] = []
    for model, metric in series:
        newest = getattr(model, case.kind)
        place = source.randrange(len(newest) - 1)
        looks.append((newest[place], newest[place + 1]))
        others = [measured for measured in model.plain if measured not in looks[-1]]
        histories.append([resampled(source.choice(others).times[metric], source) for _ in range(earlier)])

    def worse(places: Sequence[int], look: int) -> list[int]:
        times = {place: resampled(looks[place][look].times[series[place][1]], source, case.factor) for place in places}
        found = decide([compare_times(histories[place], times[place]) for place in places])
        return [place for place, verdict in zip(places, found, strict=True) if verdict is Verdict.WORSE]

    confirmed = worse(worse(range(len(series)), 0), 1)
    return [place in confirmed and not any(look.flags for look in looks[place]) for place in range(len(series))]


def pairs_of(model: Model, metric: str, case: Case, source: random.Random, n: int) -> Iterator[tuple[Times, Times]]:
    """Yield pairs of blocks of two measurements that were made one after the other."""
    if case is NULL:
        # The two in the middle of each alternation; which of them came first says nothing of the revisions.
        neighbours = list(zip(model.slowed[::2], model.slowed[1::2], strict=True))
    else:
        neighbours = list(zip(model.plain, model.slowed, strict=True))
    size = BLOCK[metric]
    for place in range(n):
        base, head = source.choice(neighbours)
        if case is NULL and place % 2:
            base, head = head, base
        if case.kind == "plain" and case is not NULL:
            head = base
        yield resampled(base.times[metric][:size], source), resampled(head.times[metric][:size], source, case.factor)


def verdicts(models: list[Model], case: Case, source: random.Random) -> list[bool]:
    """Return which of all metrics of all models are called slower in one comparison of two revisions."""
    series = [(model, metric) for model in models for metric in METRICS]
    n = pairs_needed(len(series))
    found = [compare_pairs(list(pairs_of(model, metric, case, source, n))) for model, metric in series]
    return [speed is Speed.SLOWER for speed in decide_pairs(found)]


def row(name: str, case: Case, trial: Callable[[random.Random], list[bool]], trials: int) -> str:
    """Return one line: the share of comparisons that are called worse, and of searches that have any."""
    source = random.Random(7)
    outcomes = [trial(source) for _ in range(trials)]
    each = 100 * statistics.mean(statistics.mean(outcome) for outcome in outcomes)
    any_of = 100 * sum(any(outcome) for outcome in outcomes) / trials
    is_met = each <= 1 if case is NULL else each >= 90
    aim = ("at most 1 %" if case is NULL else "at least 90 %") + (": met" if is_met else ": missed")
    return f"| {name} | {case.name} | {each:.1f} % | {any_of:.1f} % | {aim} |"


def describe(model: Model) -> Iterator[str]:
    """Yield what was measured of a model, a line each metric."""
    every = [*model.plain, *model.slowed]
    busy = statistics.median(measured.foreign_cores for measured in every)
    flagged = sum(bool(measured.flags) for measured in every)
    for metric in METRICS:
        levels = [statistics.median(measured.times[metric]) for measured in model.plain]
        slow = statistics.median(statistics.median(measured.times[metric]) for measured in model.slowed)
        spread = 100 * statistics.stdev(levels) / statistics.mean(levels)
        widest = 100 * (max(levels) / min(levels) - 1)
        effect = 100 * (slow / statistics.median(levels) - 1)
        yield (
            f"| {model.spec.name} | {metric} | {len(model.plain)} + {len(model.slowed)} | {spread:.1f} % | "
            f"{widest:.0f} % | {effect:+.1f} % | {busy:.2f} | {flagged} |"
        )


def report(models: list[Model], trials: int) -> None:
    """Print what was measured, then false alarms and power."""
    print(f"{machine_line()}; {trials} draws for each line.\n")
    print(
        "| Model | Metric | Plain + slowed | Spread of plain medians | Slowest over fastest | Slowed by | Cores | Flagged |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for model in models:
        print("\n".join(describe(model)))
    print("\n| Command | Case | Comparisons called worse | Searches with any | Aim, of comparisons |")
    print("|---|---|---:|---:|---|")
    for n in (1, 2, 5):
        name = f"`regressions`, {n} earlier result{'s' if n > 1 else ''}"
        for case in CASES:
            print(row(name, case, lambda source, c=case, n=n: alarms(models, c, n, source), trials), flush=True)
    name = f"`compare`, {pairs_needed(len(models) * len(METRICS))} pairs"
    for case in CASES:
        print(row(name, case, lambda source, c=case: verdicts(models, c, source), trials), flush=True)


def main() -> None:
    """Measure, then print false alarms and power."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long to measure; default: %(default)s")
    parser.add_argument("--measurements", type=Path, help="file to add measurements to")
    parser.add_argument("--trials", type=int, default=300, help="draws for each line; default: %(default)s")
    options = parser.parse_args()
    models = embedded_models()
    if options.measurements and options.measurements.exists():
        load(models, options.measurements)
    collect(models, options.seconds)
    if options.measurements:
        save(models, options.measurements)
    if options.trials:
        report(models, options.trials)


if __name__ == "__main__":
    main()
