"""How often ranks tell apart models that are equal, and how often models that differ, on simulated results.

A false split is a leaderboard of equal models on which any two have different ranks; the aim is at most 5 %. Power is
the share of leaderboards of one better and else equal models on which the better one alone has rank 1. Beside some
lines stand simpler methods that were not taken.

Run: python tests/benchmarks/bench_ranks.py [TRIALS, 500 by default], two minutes. It prints Markdown tables.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import Any

import benchmark_models
import numpy as np
from scipy.special import stdtr
from yardstick.comparison import LEVEL, holm, mcnemar, rate_ranks, score_ranks
from yardstick.config import load_config
from yardstick.metrics.timing import Sampling
from yardstick.paths import CONFIG
from yardstick.statistics import wilson_interval

SEED = 11
PLAIN_RESAMPLES = 1999
# Relative standard deviation of the runs of one measurement; with 2.5 % asked, many samplings go on for a while.
SPREAD = 0.05

Rates = list[list[float]]
Ranks = list[int] | list[int | None]
Draw = Callable[[np.random.Generator], Any]
Make = Callable[[np.random.Generator, int, int], Rates]


# Scores


def solved(draw: np.random.Generator, models: int, items: int, better: float = 0.0) -> Ranks:
    """Return ranks of models that solve half of all items; items differ in difficulty, the first model may be better."""
    difficulty = draw.beta(2, 2, items)
    lift = np.zeros((models, 1))
    # Towards 1 on each item, so that no chance is cut off: the mean score is 0.5 + better.
    lift[0] = better / 0.5
    hits = draw.random((models, items)) < difficulty + lift * (1 - difficulty)
    return score_ranks([(f"model-{place}", frozenset(np.flatnonzero(row).tolist())) for place, row in enumerate(hits)])


def least_only_first(models: int) -> int:
    """Return how many items only the better of two models must solve, and the worse none, before it counts."""
    pairs = math.comb(models, 2)
    return next(n for n in range(1, 100) if mcnemar(n, 0) * pairs <= LEVEL)


# Rates


def normal(draw: np.random.Generator, models: int, runs: int) -> Rates:
    return (100 + 100 * SPREAD * draw.standard_normal((models, runs))).tolist()


def skewed(draw: np.random.Generator, models: int, runs: int) -> Rates:
    """Return rates near the best one, some of them slowed by other work."""
    return (100 / (1 + draw.exponential(SPREAD, (models, runs)))).tolist()


def drifting(correlation: float) -> Make:
    """Return a maker of normal rates of which neighbours are alike (first-order autoregressive)."""

    def make(draw: np.random.Generator, models: int, runs: int) -> Rates:
        noise = draw.standard_normal((models, runs))
        for place in range(1, runs):
            noise[:, place] = correlation * noise[:, place - 1] + math.sqrt(1 - correlation**2) * noise[:, place]
        return (100 + 100 * SPREAD * noise).tolist()

    return make


def shifted(share: float) -> Make:
    """Return a maker of normal rates with a shift of each whole measurement, as a share of the runs' spread."""

    def make(draw: np.random.Generator, models: int, runs: int) -> Rates:
        noise = draw.standard_normal((models, runs)) + share * draw.standard_normal((models, 1))
        return (100 + 100 * SPREAD * noise).tolist()

    return make


def unequal(draw: np.random.Generator, models: int, runs: int) -> Rates:
    """Return rates of one noisy measurement and else quiet ones, with as many runs as the noisy one or five times as many."""
    spreads = [0.1, *[0.02] * (models - 1)]
    counts = [runs, *[5 * runs] * (models - 1)]
    return [list(map(float, draw.normal(100, 100 * s, n))) for s, n in zip(spreads, counts, strict=True)]


def until_precise(draw: np.random.Generator, models: int, _runs: int) -> Rates:
    """Return rates sampled as the throughput metric does, by the numbers of `config.yaml`; seconds do not count."""
    return [_sampled(draw) for _ in range(models)]


def _sampled(draw: np.random.Generator) -> list[float]:
    protocol = load_protocol()
    sampling = Sampling(
        relative_interval=protocol.relative_interval,
        least=protocol.least_runs,
        most=protocol.most_runs,
        least_s=0,
        most_s=math.inf,
        progress=lambda _done, _total: None,
    )
    values = []
    for _ in sampling:
        values.append(float(draw.normal(100, 100 * SPREAD)))
        sampling.note(values[-1])
    return values


@cache
def load_protocol() -> Any:
    """Return the protocol of the throughput metric."""
    return load_config(benchmark_models.REPOSITORY / CONFIG).protocol.throughput


# Ways to rank by rate. The first is the project's.


def taken(_draw: np.random.Generator, rates: Rates) -> Ranks:
    return rate_ranks(rates)


def welch(_draw: np.random.Generator, rates: Rates) -> Ranks:
    """Return ranks by Welch's t test of the logarithms, Holm-corrected."""
    logs = [np.log(sample) for sample in rates]
    means, counts = [x.mean() for x in logs], [len(x) for x in logs]
    errors = [x.var(ddof=1) / len(x) for x in logs]
    pairs = list(combinations(range(len(rates)), 2))
    p_values = []
    for a, b in pairs:
        error = errors[a] + errors[b]
        degrees = error**2 / sum(errors[place] ** 2 / (counts[place] - 1) for place in (a, b))
        p_values.append(float(2 * stdtr(degrees, -abs(means[a] - means[b]) / math.sqrt(error))))
    return ranks_of(means, pairs, p_values)


def plain(draw: np.random.Generator, rates: Rates) -> Ranks:
    """Return ranks by the plain percentile bootstrap of the ratio of geometric means, Holm-corrected."""
    logs = [np.log(sample) for sample in rates]
    means = [x[draw.integers(0, len(x), (PLAIN_RESAMPLES, len(x)))].mean(axis=1) for x in logs]
    pairs = list(combinations(range(len(rates)), 2))
    below = [float(np.mean(means[a] <= means[b])) for a, b in pairs]
    p_values = [min(1.0, 2 * max(min(x, 1 - x), 1 / PLAIN_RESAMPLES)) for x in below]
    return ranks_of([x.mean() for x in logs], pairs, p_values)


def ranks_of(means: list[float], pairs: list[tuple[int, int]], p_values: list[float]) -> Ranks:
    ranks = [1] * len(means)
    for (a, b), p in zip(pairs, holm(p_values), strict=True):
        if p <= LEVEL:
            ranks[a if means[a] < means[b] else b] += 1
    return ranks


# Counting


def split(trials: int, ranks: Draw) -> str:
    """Return the share of trials in which any two models have different ranks."""
    return percent(trials, ranks, lambda found: len(set(found)) > 1)


def power(trials: int, ranks: Draw) -> str:
    """Return the share of trials in which the first model alone has rank 1."""
    return percent(trials, ranks, lambda found: found[0] == 1 and 1 not in found[1:])


def percent(trials: int, ranks: Draw, is_so: Callable[[Ranks], bool]) -> str:
    draw = np.random.default_rng(SEED)
    return f"{100 * sum(is_so(ranks(draw)) for _ in range(trials)) / trials:.1f} %"


def table(title: str, *columns: str) -> None:
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n|---|{'---:|' * (len(columns) - 1)}")


def line(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def scores(trials: int) -> None:
    """Print the tables of ranks by score."""
    table("Equal scores: false splits", "models", "10 tasks", "100 tasks")
    for models in (2, 5, 10):
        shares = [split(trials, lambda draw, m=models, n=n: solved(draw, m, n)) for n in (10, 100)]
        line(models, *shares)

    table("One better score: found alone at rank 1", "against 0.50", "tasks", "2 models", "5 models", "10 models")
    for items, better in ((10, 0.3), (10, 0.45), (100, 0.1), (100, 0.2), (100, 0.3)):
        shares = [power(trials, lambda draw, m=m, n=items, b=better: solved(draw, m, n, b)) for m in (2, 5, 10)]
        line(f"{0.5 + better:.2f}", items, *shares)

    table("Least evidence for a score: tasks that only the better of two solves, and the worse none", "models", "tasks")
    for models in (2, 3, 4, 5, 7, 8, 10, 20, 50):
        line(models, least_only_first(models))


def rates(trials: int) -> None:
    """Print the tables of ranks by tokens/s."""
    table(
        f"Equal rates that vary by {SPREAD:.0%}: false splits",
        *("models", "runs", "taken", "Welch's t, Holm", "plain bootstrap, Holm"),
    )
    for models in (2, 5, 10):
        for runs in (6, 30):
            for name, make in (("normal", normal), ("skewed", skewed)):
                shares = [split(trials, ranked(way, make, models, runs)) for way in (taken, welch, plain)]
                line(models, f"{runs} {name}", *shares)

    sizes = [(way, models) for way in (taken, welch) for models in (2, 5, 10)]
    columns = [f"{models} models{', Welch' if way is welch else ''}" for way, models in sizes]
    table("Equal rates under less ideal conditions: false splits", "rates", "runs", *columns)
    for name, shown, make, runs in conditions():
        line(name, shown, *(split(trials, ranked(way, make, models, runs)) for way, models in sizes))

    table(
        f"One faster model, normal runs that vary by {SPREAD:.0%}: found alone at rank 1", "faster by", "runs", *columns
    )
    for runs, faster in ((6, 0.05), (6, 0.1), (6, 0.2), (30, 0.02), (30, 0.05), (30, 0.1)):
        line(f"{faster:.0%}", runs, *(power(trials, ranked(way, normal, m, runs, faster)) for way, m in sizes))


def conditions() -> list[tuple[str, object, Make, int]]:
    """Return names, shown counts of runs, makers of rates and counts of runs."""
    protocol = load_protocol()
    precise = f"sampled until precise to {protocol.relative_interval:.1%}"
    return [
        ("normal, three runs", 3, normal, 3),
        ("one model five times as noisy, with a fifth of the runs", "6 and 30", unequal, 6),
        (precise, f"{protocol.least_runs} to {protocol.most_runs}", until_precise, 0),
        ("neighbouring runs correlated by 0.3", 6, drifting(0.3), 6),
        ("neighbouring runs correlated by 0.6", 6, drifting(0.6), 6),
        ("neighbouring runs correlated by 0.6", 30, drifting(0.6), 30),
        ("each measurement shifted by half of the runs' spread", 6, shifted(0.5), 6),
        ("each measurement shifted by all of the runs' spread", 6, shifted(1.0), 6),
    ]


def ranked(
    way: Callable[[np.random.Generator, Rates], Ranks], make: Make, models: int, runs: int, faster: float = 0.0
) -> Draw:
    """Return a maker of ranks; the first model may be faster by a share."""
    return lambda draw: way(draw, sped_up(make(draw, models, runs), faster))


def sped_up(samples: Rates, faster: float) -> Rates:
    """Return samples, the first one faster by a share."""
    return [[(1 + faster) * rate for rate in samples[0]], *samples[1:]]


def main() -> None:
    """Print all tables."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    low, high = wilson_interval(round(LEVEL * trials), trials)
    print(f"{trials} simulated leaderboards per cell: a printed 5.0 % stands for {100 * low:.1f} to {100 * high:.1f} %")
    scores(trials)
    rates(trials)


if __name__ == "__main__":
    main()
