"""How often the leaderboard's intervals hold the truth, on simulated scores and times whose truth is known.

Times are lognormal, as waiting times are: independent ones, ones that drift together (first-order autoregressive), and
ones whose sampling ended when it looked precise enough. Beside each is what the method that was not taken would give.

Run: python tests/benchmarks/bench_intervals.py [TRIALS per line, 1000 by default]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence

import benchmark_models
import numpy as np
from yardstick.config import load_config
from yardstick.metrics.timing import Sampling
from yardstick.paths import CONFIG
from yardstick.statistics import (
    _bca_interval,
    mean_interval,
    median_interval,
    student_interval,
    wilson_interval,
)

SEED = 5
Sample = Callable[[np.random.Generator], list[float]]
Interval = Callable[[Sequence[float]], Sequence[float] | None]


def lognormal(n: int, spread: float, correlation: float = 0.0) -> Sample:
    """Return a maker of n times with mean 1: a relative standard deviation, and a correlation between neighbours."""
    sigma = math.sqrt(math.log(1 + spread**2))

    def make(draw: np.random.Generator) -> list[float]:
        noise = draw.standard_normal(n)
        for place in range(1, n):
            noise[place] = correlation * noise[place - 1] + math.sqrt(1 - correlation**2) * noise[place]
        return [float(value) for value in np.exp(sigma * noise - sigma**2 / 2)]

    return make


def until_precise(spread: float) -> Sample:
    """Return a maker of times as latency samples them: until the interval is as narrow as `config.yaml` asks."""
    protocol = load_config(benchmark_models.REPOSITORY / CONFIG).protocol.latency
    sigma = math.sqrt(math.log(1 + spread**2))

    def make(draw: np.random.Generator) -> list[float]:
        sampling = Sampling(
            relative_interval=protocol.relative_interval,
            least=protocol.least_requests,
            most=protocol.most_requests,
            least_s=0,
            most_s=math.inf,
            progress=lambda done, total: None,
        )
        values = []
        for _ in sampling:
            values.append(float(np.exp(draw.normal(-(sigma**2) / 2, sigma))))
            sampling.note(values[-1])
        return values

    return make


def coverage(make: Sample, interval: Interval, truth: float, trials: int) -> float:
    """Return the share of simulated samples whose interval holds the truth, of those that have one."""
    draw = np.random.default_rng(SEED)
    found = [interval(make(draw)) for _ in range(trials)]
    return float(np.mean([ends[0] <= truth <= ends[1] for ends in found if ends is not None]))


def line(name: str, taken: float, other: float | None) -> None:
    """Print one line of a Markdown table."""
    print(f"| {name} | {100 * taken:.1f} % | {'' if other is None else f'{100 * other:.1f} %'} |", flush=True)


def scores() -> None:
    """Print the exact coverage of Wilson's interval, and of the normal approximation's."""
    print("| Scores | Wilson | normal approximation |\n|---|---:|---:|")
    for n in (10, 100):
        for share in (0.1, 0.3, 0.5, 0.9):
            weights = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]

            def holds(interval: Callable[[int], tuple[float, float]], share: float = share, n: int = n) -> float:
                ends = [interval(k) for k in range(n + 1)]
                return sum(w for w, (low, high) in zip(weights, ends, strict=True) if low <= share <= high)  # noqa: B023

            def normal(k: int, n: int = n) -> tuple[float, float]:
                half = 1.96 * math.sqrt(k * (n - k) / n**3)
                return k / n - half, k / n + half

            line(f"{n} tasks, true score {share}", holds(lambda k, n=n: wilson_interval(k, n)), holds(normal))


def times(trials: int) -> None:
    """Print the coverage of the intervals of means and medians."""

    def bca(values: Sequence[float]) -> Sequence[float] | None:
        return _bca_interval(values, "mean")

    def mean(values: Sequence[float]) -> Sequence[float] | None:
        found = mean_interval(values)
        return None if found is None else found[:2]

    print("\n| Mean times | Student t below 30, BCa from 30 | the other of the two |\n|---|---:|---:|")
    for n, spread in ((6, 0.05), (6, 0.3), (12, 0.3), (30, 0.05), (30, 0.3), (30, 1.0), (200, 1.0)):
        other = student_interval if n >= 30 else bca
        make = lognormal(n, spread)
        line(
            f"{n} independent, spread {spread:.0%}",
            coverage(make, mean, 1.0, trials),
            coverage(make, other, 1.0, trials),
        )
    for correlation in (0.3, 0.7):
        make = lognormal(30, 0.1, correlation)
        line(f"30 that drift together, correlation {correlation}", coverage(make, mean, 1.0, trials), None)
    for spread in (0.05, 0.15):
        line(
            f"until precise to 2.5 %, spread {spread:.0%}",
            coverage(until_precise(spread), mean, 1.0, trials // 2),
            None,
        )

    print("\n| Median times | BCa | |\n|---|---:|---:|")
    for n in (6, 12, 30, 100):
        truth = 1 / math.sqrt(1 + 0.3**2)
        line(f"{n} independent, spread 30%", coverage(lognormal(n, 0.3), median_interval, truth, trials), None)


def main() -> None:
    """Print all tables."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"How often 95 % intervals hold the truth; exact for scores, {trials} simulated samples a line for times\n")
    scores()
    times(trials)


if __name__ == "__main__":
    main()
