"""Tests of one difference. Those of paired tasks and the correction for many are in `yardstick.comparison`."""

from __future__ import annotations

import math
from collections.abc import Sequence


def mann_whitney(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the two-sided p of the Mann-Whitney test; exact where it is cheap."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(before, after, alternative="two-sided").pvalue)


def least_mann_whitney(n: int, m: int) -> float:
    """Return the least p that two samples of these sizes can have: all values of one below all of the other."""
    return min(1.0, 2 / math.comb(n + m, n))


def signed_rank(differences: Sequence[float]) -> float:
    """Return the one-sided p of Wilcoxon's signed-rank test that differences lie above 0; 1 if all are 0."""
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences, alternative="greater").pvalue) if any(differences) else 1.0
