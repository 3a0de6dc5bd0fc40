"""How many tasks adaptive stopping saves, and how often the interval it ends with is wrong.

Models whose chance to solve a task is known answer 300 tasks in a random order; answering ends as `config.yaml` asks it to.
A score over all tasks is beside it on the same draws.
Run: python tests/benchmarks/bench_stopping.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import numpy as np
from yardstick.metrics.answers import BLOCK
from yardstick.statistics import wilson_interval

TASKS, LEAST, DRAWS = 300, 48, 4000
CHANCES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
HALF_WIDTHS = (0.10, 0.075, 0.06)


def stopped_at(solved: np.ndarray, half_width: float) -> int:
    """Return after how many tasks answering ends."""
    for answered in range(BLOCK, TASKS, BLOCK):
        low, high = wilson_interval(int(solved[:answered].sum()), answered)
        if answered >= LEAST and (high - low) / 2 <= half_width:
            return answered
    return TASKS


def is_covered(solved: np.ndarray, chance: float) -> bool:
    """Tell whether the 95 % interval of the score holds the chance."""
    low, high = wilson_interval(int(solved.sum()), len(solved))
    return low <= chance <= high


def main() -> None:
    """Print one line per chance and half width."""
    drawing = np.random.default_rng(7)
    print(f"{DRAWS} models each, {TASKS} tasks, looks every {BLOCK} tasks from {LEAST} on")
    print("| Half width | Chance to solve | Tasks answered | All tasks over that | Covered | Covered by all tasks |")
    print("|---:|---:|---:|---:|---:|---:|")
    for half_width in HALF_WIDTHS:
        for chance in CHANCES:
            models = drawing.random((DRAWS, TASKS)) < chance
            ends = [stopped_at(solved, half_width) for solved in models]
            covered = np.mean([is_covered(solved[:end], chance) for solved, end in zip(models, ends, strict=True)])
            whole = np.mean([is_covered(solved, chance) for solved in models])
            answered = float(np.mean(ends))
            print(
                f"| {half_width} | {chance} | {answered:.0f} | {TASKS / answered:.1f} | {covered:.1%} | {whole:.1%} |"
            )


if __name__ == "__main__":
    main()
