"""How often ranks tell apart models that are equal, and how often those that differ, on simulated results.

All models of a simulated leaderboard are equal for the false splits: a split is any pair told apart. For the power one
model is better by a stated amount, and is found when it alone has rank 1. Beside the speed ranks stands the plain
percentile bootstrap of the ratio, Holm-corrected, which was not taken.

Run: python tests/benchmarks/bench_ranks.py [TRIALS per line, 400 by default]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import combinations

import benchmark_models  # noqa: F401  puts the package on the path
import numpy as np
from yardstick.comparison import LEVEL, holm, rate_ranks, score_ranks

SEED = 11
PLAIN_RESAMPLES = 4999
Ranks = Callable[[np.random.Generator], list[int | None]]


def of_scores(models: int, items: int, share: float, best: float | None = None) -> Ranks:
    """Return ranks of models that solve each item with a chance; items differ in difficulty; the first may be better."""

    def make(draw: np.random.Generator) -> list[int | None]:
        # A Beta(2, ...) of difficulties: models tend to solve the same items.
        chances = draw.beta(2, 2 * (1 - share) / share, items)
        lift = np.zeros(models)
        lift[0] = 0.0 if best is None else best - share
        solved = [draw.random(items) < np.clip(chances + lift[model], 0, 1) for model in range(models)]
        return list(score_ranks([(f"m{m}", frozenset(np.flatnonzero(row).tolist())) for m, row in enumerate(solved)]))

    return make


def samples(draw: np.random.Generator, models: int, runs: int, spread: float, *, is_skewed: bool) -> list[list[float]]:
    """Return tokens/s of runs around 100 with a relative standard deviation; skewed ones now and then far below."""
    if is_skewed:
        slow = draw.exponential(spread, (models, runs))
        return (100 / (1 + slow)).tolist()
    return np.maximum(draw.normal(100, 100 * spread, (models, runs)), 1).tolist()


def of_rates(models: int, runs: int, spread: float, *, is_skewed: bool = False, faster: float = 1.0) -> Ranks:
    """Return ranks of speeds; the first model may be faster by a factor."""

    def make(draw: np.random.Generator) -> list[int | None]:
        rates = samples(draw, models, runs, spread, is_skewed=is_skewed)
        rates[0] = [faster * rate for rate in rates[0]]
        return rate_ranks(rates)

    return make


def plain_split(draw: np.random.Generator, models: int, runs: int, spread: float, *, is_skewed: bool) -> bool:
    """Tell whether the plain percentile bootstrap of the ratio tells any two of equal models apart."""
    logs = np.log(samples(draw, models, runs, spread, is_skewed=is_skewed))
    drawn = [x[draw.integers(0, runs, (PLAIN_RESAMPLES, runs))].mean(axis=1) for x in logs]
    p_values = []
    for a, b in combinations(range(models), 2):
        below = float(np.mean(drawn[a] - drawn[b] <= 0))
        p_values.append(max(2 * min(below, 1 - below), 1 / PLAIN_RESAMPLES))
    return min(holm(p_values)) <= LEVEL


def share_of(trials: int, is_so: Callable[[np.random.Generator], bool]) -> float:
    draw = np.random.default_rng(SEED)
    return float(np.mean([is_so(draw) for _ in range(trials)]))


def splits(ranks: Ranks) -> Callable[[np.random.Generator], bool]:
    return lambda draw: set(ranks(draw)) != {1}


def finds_the_first(ranks: Ranks) -> Callable[[np.random.Generator], bool]:
    def is_found(draw: np.random.Generator) -> bool:
        found = ranks(draw)
        return found[0] == 1 and 1 not in found[1:]

    return is_found


def line(name: str, share: float, other: float | None = None) -> None:
    print(f"| {name} | {100 * share:.1f} % | {'' if other is None else f'{100 * other:.1f} %'} |", flush=True)


def main() -> None:
    """Print the tables."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"Ranks of simulated leaderboards, {trials} a line\n")
    print("| Equal scores: any two told apart (aim: at most 5 %) | exact McNemar, Holm | |\n|---|---:|---:|")
    for models in (2, 5, 10):
        for items in (10, 100, 1000):
            line(f"{models} models, {items} tasks", share_of(trials, splits(of_scores(models, items, 0.5))))
    print("\n| Equal speeds: any two told apart (aim: at most 5 %) | studentised bootstrap | plain bootstrap |")
    print("|---|---:|---:|")
    for models in (2, 5, 10):
        for runs in (6, 30):
            for is_skewed in (False, True):
                kind = "skewed" if is_skewed else "normal"
                ranks = of_rates(models, runs, 0.05, is_skewed=is_skewed)

                def plain(
                    draw: np.random.Generator, models: int = models, runs: int = runs, is_skewed: bool = is_skewed
                ) -> bool:
                    return plain_split(draw, models, runs, 0.05, is_skewed=is_skewed)

                line(f"{models} models, {runs} {kind} runs", share_of(trials, splits(ranks)), share_of(trials, plain))
    print("\n| One better model of five is alone at rank 1 | found | |\n|---|---:|---:|")
    for items, best in ((10, 0.9), (100, 0.7), (1000, 0.6)):
        line(
            f"score {best} against 0.5, {items} tasks",
            share_of(trials, finds_the_first(of_scores(5, items, 0.5, best))),
        )
    for runs, faster in ((6, 1.05), (6, 1.1), (6, 1.2), (30, 1.05)):
        line(
            f"{faster - 1:.0%} faster, {runs} runs that vary by 3 %",
            share_of(trials, finds_the_first(of_rates(5, runs, 0.03, faster=faster))),
        )


if __name__ == "__main__":
    main()
