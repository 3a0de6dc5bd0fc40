"""The tests behind verdicts, held against their definitions."""

from __future__ import annotations

import pytest
from yardstick.regressions.significance import least_mann_whitney, mann_whitney, signed_rank


@pytest.mark.parametrize(("n", "m"), [(3, 3), (6, 6), (2, 7)])
def test_the_least_p_is_that_of_samples_that_do_not_overlap(n: int, m: int) -> None:
    below, above = [float(value) for value in range(n)], [100.0 + value for value in range(m)]
    assert mann_whitney(below, above) == pytest.approx(least_mann_whitney(n, m))


def test_signed_rank_is_the_share_of_sign_patterns_with_no_less_rank() -> None:
    assert signed_rank([0.3, 0.2, 0.1, 0.5, 0.4]) == pytest.approx(1 / 32)
    assert signed_rank([0.0, 0.0]) == 1
