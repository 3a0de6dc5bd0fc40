"""False alarms and power of `snakemake regressions` and `make compare`, on the embedded models.

Each measurement is real, made by the metrics' own code in a process of its own: plain ones, and slowed ones in which
every token is followed by a busy wait of 10 % of a token's time. They alternate (plain, slowed, slowed, plain). Histories
and pairs are then drawn from them many times over; a second estimate of power multiplies plain times by 1.1 instead.
The draws share their few measurements, so the shares are as good as these stand for the machine's habits.

Run: python tests/benchmarks/bench_regressions.py [SECONDS of measuring, 300 by default]
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmark_models import REPOSITORY, machine_line
from yardstick.backends.base import ModelSpec
from yardstick.backends.transformers import TransformersEngine, import_libraries
from yardstick.config import load_config
from yardstick.guards import guard_rails
from yardstick.locks import machine_lock
from yardstick.metrics import latency, throughput
from yardstick.registry import EmbeddedSource, load_registry
from yardstick.regressions.blocks import BLOCK
from yardstick.regressions.paired import Speed, compare_pairs, decide_pairs, pairs_needed
from yardstick.regressions.verdicts import Verdict, compare_times, decide

SLOWDOWN = 0.10
TRIALS = 300
METRICS = ("latency", "throughput")

Times = list[float]
# Metric -> times of one measurement: seconds per request, or per token of each run.
Measured = dict[str, Times]


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
    foreign_cores: list[float] = field(default_factory=list)

    def measure(self, *, is_slowed: bool) -> None:
        """Measure latency and throughput in a fresh process."""
        measured = in_child(lambda: observe(self.spec, self.delay_s if is_slowed else 0.0))
        self.foreign_cores.append(measured.pop("foreign_cores"))
        (self.slowed if is_slowed else self.plain).append(measured)


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
    return {
        "latency": [row["e2e_s"] for row in requests.rows],
        "throughput": [row["wall_s"] / row["output_tokens"] for row in runs.rows],
        "foreign_cores": guards["foreign_cores"],
    }


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


def collect(seconds: float) -> list[Model]:
    """Measure the embedded models in turn until the time is over."""
    import_libraries()
    registry = load_registry(REPOSITORY / "config/models.yaml")
    entries = [entry for entry in registry.values() if isinstance(entry.source, EmbeddedSource)]
    models = []
    for entry in entries:
        folder = REPOSITORY / "workflow/resources/embedded" / entry.source.embedded
        model = Model(ModelSpec(entry.id, folder, entry.dtype, "cpu", entry.context_length, threads=1))
        model.measure(is_slowed=False)
        model.delay_s = SLOWDOWN * statistics.median(model.plain.pop()["throughput"])
        models.append(model)
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        for model in models:
            for is_slowed in (False, True, True, False):
                model.measure(is_slowed=is_slowed)
    return models


def resampled(times: Times, source: random.Random, factor: float = 1.0) -> Times:
    """Return as many of the times, drawn with replacement."""
    return [factor * value for value in source.choices(times, k=len(times))]


Draw = Callable[[Model, str, random.Random], Times]


def plain(model: Model, metric: str, source: random.Random) -> Times:
    return resampled(source.choice(model.plain)[metric], source)


def slowed(model: Model, metric: str, source: random.Random) -> Times:
    return resampled(source.choice(model.slowed)[metric], source)


def multiplied(model: Model, metric: str, source: random.Random) -> Times:
    return resampled(source.choice(model.plain)[metric], source, 1 + SLOWDOWN)


def alarms(models: list[Model], newest: Draw, earlier: int, source: random.Random) -> list[bool]:
    """Return which of all metrics of all models raise an alarm in one search: worse at the first and the second look."""
    series = [(model, metric) for model in models for metric in METRICS]
    histories = [[plain(model, metric, source) for _ in range(earlier)] for model, metric in series]

    def look(places: list[int]) -> list[int]:
        found = [compare_times(histories[place], newest(*series[place], source)) for place in places]
        return [place for place, verdict in zip(places, decide(found), strict=True) if verdict is Verdict.WORSE]

    confirmed = look(look(list(range(len(series)))))
    return [place in confirmed for place in range(len(series))]


def pairs_of(model: Model, metric: str, other: str, source: random.Random, n: int) -> Iterator[tuple[Times, Times]]:
    """Yield pairs of blocks that were measured side by side: plain ones, or a plain and a slowed one."""
    if other == "plain":
        # The last of each four and the first of the next.
        neighbours = list(zip(model.plain[1::2], model.plain[2::2], strict=False))
    else:
        neighbours = list(zip(model.plain, model.slowed, strict=True))
    factor = 1 + SLOWDOWN if other == "multiplied" else 1.0
    for _ in range(n):
        base, head = source.choice(neighbours)
        if other != "slowed":
            base, head = source.choice([(base, head), (head, base)]) if other == "plain" else (base, base)
        size = BLOCK[metric]
        yield resampled(base[metric][:size], source), resampled(head[metric][:size], source, factor)


def verdicts(models: list[Model], other: str, source: random.Random) -> list[bool]:
    """Return which of all metrics of all models are called slower in one comparison of two revisions."""
    series = [(model, metric) for model in models for metric in METRICS]
    n = pairs_needed(len(series))
    found = [compare_pairs(list(pairs_of(model, metric, other, source, n))) for model, metric in series]
    return [speed is Speed.SLOWER for speed in decide_pairs(found)]


def report(name: str, trial: Callable[[random.Random], list[bool]], *, is_null: bool) -> None:
    """Print one line: how many trials raise any alarm, and the share of all comparisons that do."""
    source = random.Random(7)
    outcomes = [trial(source) for _ in range(TRIALS)]
    each = statistics.mean(statistics.mean(outcome) for outcome in outcomes)
    any_of = sum(any(outcome) for outcome in outcomes) / TRIALS
    aim = "aim: at most 1 % of comparisons" if is_null else "aim: at least 90 % of comparisons"
    print(f"  {name:<52} {100 * each:6.1f} % of comparisons, {100 * any_of:6.1f} % of searches with any   ({aim})")


def main() -> None:
    """Measure, then print false alarms and power."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    models = collect(seconds)
    print(f"False alarms and power, {SLOWDOWN:.0%} slower, {TRIALS} draws each, {machine_line()}")
    for model in models:
        print(
            f"{model.spec.name}: {len(model.plain)} plain and {len(model.slowed)} slowed measurements, "
            f"delay {1e6 * model.delay_s:.0f} us a token, other processes {statistics.median(model.foreign_cores):.2f} cores"
        )
        for metric in METRICS:
            levels = [statistics.median(measured[metric]) for measured in model.plain]
            slow = statistics.median(statistics.median(measured[metric]) for measured in model.slowed)
            spread = statistics.stdev(levels) / statistics.mean(levels)
            print(
                f"  {metric:<11} plain medians vary by {spread:.1%}, slowed ones are {slow / statistics.median(levels) - 1:+.1%}"
            )
    for earlier in (1, 2, 5):
        print(f"regressions, {earlier} earlier result{'s' if earlier > 1 else ''}")
        report("nothing changed", lambda source, n=earlier: alarms(models, plain, n, source), is_null=True)
        report("slowed for real", lambda source, n=earlier: alarms(models, slowed, n, source), is_null=False)
        report("times multiplied", lambda source, n=earlier: alarms(models, multiplied, n, source), is_null=False)
    print(f"compare, {pairs_needed(len(models) * len(METRICS))} pairs of blocks")
    report("nothing changed", lambda source: verdicts(models, "plain", source), is_null=True)
    report("slowed for real", lambda source: verdicts(models, "slowed", source), is_null=False)
    report("times multiplied", lambda source: verdicts(models, "multiplied", source), is_null=False)


if __name__ == "__main__":
    main()
