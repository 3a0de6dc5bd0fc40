"""How often the leaderboard's 95 % intervals hold the truth, on simulated results of which the truth is known.

Times are lognormal with mean 1: independent ones, ones of which neighbours are alike, and ones whose sampling ended
when it looked precise. Beside the interval that is taken stands a method that was not.

Run: python tests/benchmarks/bench_intervals.py [TRIALS, 1000 by default], a minute or two. It prints Markdown tables.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import benchmark_models
import numpy as np
from scipy.stats import binom
from yardstick.config import load_config
from yardstick.metrics.timing import Sampling
from yardstick.paths import CONFIG
from yardstick.statistics import (
    CONFIDENCE,
    LEAST_FOR_BCA_OF_MEAN,
    _bca_interval,
    least_sample,
    mean_interval,
    median_interval,
    percentile,
    student_interval,
    wilson_interval,
)

SEED = 5
Values = list[float]
Sample = Callable[[np.random.Generator], Values]
Ends = Sequence[Any] | None


def log_spread(spread: float) -> float:
    """Return the standard deviation of the logarithm of lognormal times from their relative standard deviation."""
    return math.sqrt(math.log(1 + spread**2))


def median_of(spread: float) -> float:
    """Return the true median of lognormal times with mean 1."""
    return math.exp(-(log_spread(spread) ** 2) / 2)


def times(draw: np.random.Generator, spread: float, correlation: float) -> Iterable[float]:
    """Yield times with mean 1 without end; their logarithms are a first-order autoregressive series."""
    sigma, level = log_spread(spread), float(draw.standard_normal())
    while True:
        yield math.exp(sigma * level - sigma**2 / 2)
        level = correlation * level + math.sqrt(1 - correlation**2) * float(draw.standard_normal())


def fixed(n: int, spread: float, correlation: float = 0.0) -> Sample:
    """Return a maker of ``n`` times."""
    return lambda draw: [time for _, time in zip(range(n), times(draw, spread, correlation), strict=False)]


def until_precise(protocol: Any, least: int, most: int, spread: float, correlation: float) -> Sample:
    """Return a maker of times as the timing metrics sample them; seconds do not count."""

    def make(draw: np.random.Generator) -> Values:
        values: Values = []
        sampling = Sampling(
            relative_interval=protocol.relative_interval,
            least=least,
            most=most,
            least_s=0,
            most_s=math.inf,
            progress=lambda _done, _total: None,
        )
        for _, time in zip(sampling, times(draw, spread, correlation), strict=False):
            values.append(time)
            sampling.note(time)
        return values

    return make


# The intervals


def taken(values: Values) -> Ends:
    found = mean_interval(values)
    return None if found is None else (found.low, found.high)


def bca(values: Values) -> Ends:
    return _bca_interval(values, "mean")


def order_statistics(values: Values) -> Ends:
    """Return the narrowest symmetric pair of ordered values that holds the median in at least 95 % of samples."""
    n = len(values)
    cut = int(binom.ppf((1 - CONFIDENCE) / 2, n, 0.5)) - 1
    return sorted(values)[max(cut, 0)], sorted(values)[n - 1 - max(cut, 0)]


# Counting


def held(samples: Sequence[Values], interval: Callable[[Values], Ends], truth: float) -> str:
    """Return the share of the intervals that hold the truth; samples without an interval are named."""
    found = [interval(sample) for sample in samples]
    ends = [pair for pair in found if pair is not None]
    missing = len(found) - len(ends)
    share = sum(low <= truth <= high for low, high in ends) / len(ends)
    return percent(share) + (f" ({percent(missing / len(found))} without)" if missing else "")


def drawn(make: Sample, trials: int) -> list[Values]:
    draw = np.random.default_rng(SEED)
    return [make(draw) for _ in range(trials)]


def half_width(samples: Sequence[Values], interval: Callable[[Values], Ends]) -> float:
    """Return the mean of half the intervals' widths."""
    return float(np.mean([(ends[1] - ends[0]) / 2 for ends in map(interval, samples) if ends is not None]))


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def table(title: str, *columns: str) -> None:
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n|{'---:|' * len(columns)}")


def line(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


# The tables


def scores() -> None:
    """Print how often Wilson's interval holds the true score, exactly."""
    table("Scores, exact", "tasks", "true score", "Wilson", "normal approximation")
    for n in (10, 100):
        for share in (0.5, 0.7, 0.9, 0.98):
            line(n, share, percent(score_held(n, share, wilson_interval)), percent(score_held(n, share, normal)))
        grid = [place / 1000 for place in range(1, 1000)]
        means = [np.mean([score_held(n, share, of) for share in grid]) for of in (wilson_interval, normal)]
        line(n, "mean of all", *map(percent, means))


def score_held(n: int, share: float, interval: Callable[[int, int], tuple[float, float]]) -> float:
    """Return the chance that the interval of a binomial score holds the true one."""
    chances = binom.pmf(range(n + 1), n, share)
    ends = [interval(k, n) for k in range(n + 1)]
    return float(sum(p for p, (low, high) in zip(chances, ends, strict=True) if low <= share <= high))


def normal(successes: int, n: int) -> tuple[float, float]:
    share = successes / n
    half = 1.96 * math.sqrt(share * (1 - share) / n)
    return share - half, share + half


def means(trials: int) -> None:
    """Print the coverage of intervals of means of independent times."""
    table(
        f"Means of independent times: Student t below {LEAST_FOR_BCA_OF_MEAN}, BCa from there",
        *("n", "spread", "taken", "Student t", "BCa"),
    )
    for n in (3, 6, 30, 60, 100, 200):
        for spread in (0.05, 0.3, 1.0):
            samples = drawn(fixed(n, spread), trials)
            line(n, f"{spread:.0%}", *(held(samples, of, 1.0) for of in (taken, student_interval, bca)))


def medians(trials: int) -> None:
    """Print the coverage of intervals of medians of independent times."""
    table(
        "Medians of independent times, spread 30 %: BCa is taken",
        *("n", "BCa", "half width", "order statistics", "half width"),
    )
    for n in (6, 12, 30, 100):
        samples = drawn(fixed(n, 0.3), trials)
        cells = [
            (held(samples, of, median_of(0.3)), percent(half_width(samples, of)))
            for of in (median_interval, order_statistics)
        ]
        line(n, *cells[0], *cells[1])


def correlated(trials: int) -> None:
    """Print what is left of the coverage when neighbouring times are alike."""
    table("Neighbouring times are alike, spread 15 %", "n", "correlation", "mean, as taken", "median")
    for n in (6, 30, 200):
        for correlation in (0.0, 0.3, 0.6, 0.9):
            samples = drawn(fixed(n, 0.15, correlation), trials)
            line(n, correlation, held(samples, taken, 1.0), held(samples, median_interval, median_of(0.15)))


def adaptive(trials: int) -> None:
    """Print what stopping at a narrow interval costs, by the protocol of `config.yaml`."""
    protocol = load_config(benchmark_models.REPOSITORY / CONFIG).protocol
    sizes = {
        "latency": (protocol.latency, protocol.latency.least_requests, protocol.latency.most_requests),
        "throughput": (protocol.throughput, protocol.throughput.least_runs, protocol.throughput.most_runs),
    }
    for metric, (settings, least, most) in sizes.items():
        table(
            f"Sampled as {metric} is: {least} to {most}, until half the interval is {settings.relative_interval:.1%}",
            *("spread", "correlation", "mean n", "stopped at the most", "mean, as taken", "median", "mean is off by"),
        )
        for spread, correlation in ((0.02, 0.0), (0.05, 0.0), (0.1, 0.0), (0.2, 0.0), (0.05, 0.6), (0.1, 0.6)):
            samples = drawn(until_precise(settings, least, most, spread, correlation), trials // 2)
            off = float(np.mean([np.mean(sample) for sample in samples])) - 1
            line(
                f"{spread:.0%}",
                correlation,
                f"{np.mean([len(sample) for sample in samples]):.0f}",
                percent(sum(len(sample) == most for sample in samples) / len(samples)),
                held(samples, taken, 1.0),
                held(samples, median_interval, median_of(spread)),
                f"{100 * off:+.2f} %",
            )


def percentiles(trials: int) -> None:
    """Print what a percentile of the least sample is worth."""
    table(
        "Percentiles of independent times, spread 30 %",
        *(
            "percentile",
            "least n",
            "the largest lies above the true one",
            "with 10",
            "printed over true, 90 % of cases",
        ),
    )
    for q in (0.5, 0.9, 0.95, 0.99):
        n = least_sample(q)
        logs = np.random.default_rng(SEED).standard_normal((trials, n)) * log_spread(0.3)
        truth = float(np.exp(np.sqrt(2) * _inverse_erf(2 * q - 1) * log_spread(0.3)))
        ratios = [percentile(row, q) / truth for row in np.exp(logs).tolist()]
        low, high = np.quantile(ratios, [0.05, 0.95])
        line(f"P{100 * q:g}", n, percent(1 - q**n), percent(1 - q**10), f"{low:.2f} to {high:.2f}")


def _inverse_erf(value: float) -> float:
    from scipy.special import erfinv

    return float(erfinv(value))


def main() -> None:
    """Print all tables."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    low, high = wilson_interval(round(CONFIDENCE * trials), trials)
    print(
        f"{trials} simulated samples per cell, half as many for adaptive sampling: a printed 95.0 % stands for "
        f"{100 * low:.1f} to {100 * high:.1f} %"
    )
    scores()
    means(trials)
    medians(trials)
    percentiles(trials)
    correlated(trials)
    adaptive(trials)


if __name__ == "__main__":
    main()
