"""Which models the data can tell apart: paired tests on the same items, ratios of rates, and ranks with ties.

A rank is 1 + the number of others that are significantly better, so those that cannot be told from the best are first.
Over all pairs that are compared, the chance that any two equals are told apart is at most 5 % (family-wise error rate),
where observations are independent; docs/statistics.md says how much more it is where they are not.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence, Set
from functools import cache
from itertools import combinations
from typing import Any

from yardstick.statistics import CONFIDENCE, SEED

LEVEL = 1 - CONFIDENCE
LEAST_RATES = 2
# The least p-value is 1 in as many and one: far below 5 %, whatever the number of pairs.
RATIO_RESAMPLES = 1999


@cache
def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided exact McNemar p-value of two models on the same items.

    It is ``scipy.stats.binomtest(only_first, only_first + only_second).pvalue``, in exact whole numbers.

    Args:
        only_first: items that only the first model solved.
        only_second: items that only the second model solved.
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / (1 << n))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down adjusted p-values, in the order of the given ones.

    Those at most 0.05 reject their hypotheses with a family-wise error rate of at most 5 %, whatever their dependence
    (S. Holm, A simple sequentially rejective multiple test procedure, 1979).
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def score_ranks(solved: Sequence[tuple[str, Set[Hashable]]]) -> list[int]:
    """Return a rank for each of several sets of solved items, out of the same items.

    Every two different results of different models are compared once (exact McNemar, Holm over all these pairs).
    Results of one model, from several machines, are not compared with one another, and equal ones count once.

    Args:
        solved: (model, items that it solved); a model may be there more than once.
    """
    results = sorted({(model, frozenset(items)) for model, items in solved}, key=_order)
    pairs = [(a, b) for a, b in combinations(results, 2) if a[0] != b[0]]
    adjusted = holm([mcnemar(len(a[1] - b[1]), len(b[1] - a[1])) for a, b in pairs])
    better: dict[Any, set[str]] = {result: set() for result in results}
    for (a, b), p_value in zip(pairs, adjusted, strict=True):
        if p_value <= LEVEL:
            best, other = (a, b) if len(a[1]) > len(b[1]) else (b, a)
            better[other].add(best[0])
    return [1 + len(better[model, frozenset(items)]) for model, items in solved]


def rate_ranks(rates: Sequence[Sequence[float]]) -> list[int | None]:
    """Return a rank for each of several samples of rates, the highest first; None for one of fewer than two or with a 0.

    See `rate_p_values` for how they are compared.

    Args:
        rates: rates of independent runs, in one unit.
    """
    ranked = [place for place, sample in enumerate(rates) if len(sample) >= LEAST_RATES and min(sample) > 0]
    samples = [rates[place] for place in ranked]
    better = [0] * len(rates)
    for (a, b), p_value in rate_p_values(samples).items():
        if p_value <= LEVEL:
            faster_is_first = _mean_log(samples[a]) > _mean_log(samples[b])
            better[ranked[b if faster_is_first else a]] += 1
    return [1 + better[place] if place in set(ranked) else None for place in range(len(rates))]


def rate_p_values(rates: Sequence[Sequence[float]]) -> dict[tuple[int, int], float]:
    """Return (first, second) -> adjusted p-value of the ratio of two rates being 1, for every pair.

    The logarithm of the ratio of the geometric means over its standard error is held against the same of resampled
    runs, each sample around its own mean. Holm's steps are taken with the resampled distribution of the largest of the
    remaining statistics in place of Bonferroni's bound (P. Westfall and S. Young, Resampling-based multiple testing,
    1993, algorithm 2.8): with 20 models, p-values of 1,999 resamples times 190 pairs could tell nothing apart.
    The plain percentile bootstrap would tell equals apart far more often: tests/benchmarks/bench_ranks.py prints both.
    Neither the order of the samples nor that of their runs changes a p-value, and equal samples get equal ones.

    Args:
        rates: at least two positive rates in each sample.
    """
    import numpy as np

    samples = [np.sort(np.asarray(sample, dtype=float)) for sample in rates]
    logs = [np.log(sample) for sample in samples]
    # Seeded by its values, each sample is resampled in the same way whatever it is compared with.
    resampled = [
        _resampled(x, np.random.default_rng([SEED, *sample.view(np.uint64).tolist()]))
        for x, sample in zip(logs, samples, strict=True)
    ]
    means, errors = [float(x.mean()) for x in logs], [float(x.var(ddof=1)) / len(x) for x in logs]
    pairs = list(combinations(range(len(rates)), 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = {(a, b): float(_statistic(means[a] - means[b], errors[a] + errors[b])) for a, b in pairs}
        # From the smallest statistic up: each is held against the largest of itself and of all that are smaller.
        pairs.sort(key=lambda pair: (observed[pair], pair))
        largest = np.zeros(RATIO_RESAMPLES)
        p_values: dict[tuple[int, int], float] = {}
        for a, b in pairs:
            (mean_a, error_a), (mean_b, error_b) = resampled[a], resampled[b]
            np.maximum(largest, _statistic(mean_a - mean_b, error_a + error_b), out=largest)
            p_values[a, b] = (1 + int(np.count_nonzero(largest >= observed[a, b]))) / (RATIO_RESAMPLES + 1)
    return _never_falling(p_values)


def _never_falling(p_values: dict[tuple[int, int], float]) -> dict[tuple[int, int], float]:
    """Return p-values in the order of falling statistics, each at least as large as those before."""
    largest = 0.0
    adjusted = {}
    for pair in reversed(p_values):
        largest = max(largest, p_values[pair])
        adjusted[pair] = largest
    return adjusted


def _resampled(logs: Any, generator: Any) -> tuple[Any, Any]:
    """Return means and squared standard errors of resamples of a sample around its mean, one value per resample each."""
    n = len(logs)
    drawn = (logs - logs.mean())[generator.integers(0, n, (RATIO_RESAMPLES, n))]
    return drawn.mean(axis=1), drawn.var(axis=1, ddof=1) / n


def _statistic(difference: Any, squared_error: Any) -> Any:
    """Return differences over their standard errors; without any spread, 0 where they are 0, infinite elsewhere."""
    import numpy as np

    return np.nan_to_num(np.abs(difference) / np.sqrt(squared_error), nan=0.0, posinf=np.inf)


def _mean_log(rates: Sequence[float]) -> float:
    return math.fsum(map(math.log, rates)) / len(rates)


def _order(result: tuple[str, frozenset[Hashable]]) -> tuple[str, list[str]]:
    return result[0], sorted(map(str, result[1]))
