"""How many prompts are answered together: as asked, or found out from the tokens per second of the batches so far."""

from __future__ import annotations

_FIRST, _MOST = 8, 64
# A batch of twice the size must be this much faster per token, or it only takes memory.
_LEAST_GAIN = 1.1
# One long answer makes a batch slow whatever its size, so the best of some batches counts.
_TRIES = 3


class BatchSize:
    """The size of the next batch.

    Attributes:
        size: prompts of the next batch.
    """

    def __init__(self, asked: int | None) -> None:
        self.size = asked or _FIRST
        self._is_settled = asked is not None
        self._best_rate = 0.0
        self._tries = 0

    def note(self, prompts: int, tokens: int, seconds: float) -> None:
        """Learn from a batch of the current size: double it while that pays."""
        if self._is_settled or prompts < self.size:
            return
        rate = tokens / max(seconds, 1e-9)
        self._tries += 1
        if rate >= _LEAST_GAIN * self._best_rate:
            self._best_rate, self._tries = rate, 0
            self._is_settled = self.size * 2 > _MOST
            self.size = min(self.size * 2, _MOST)
        elif self._tries == _TRIES:
            self.size //= 2
            self._is_settled = True

    def shrink(self, failed: int) -> None:
        """Halve after a batch of ``failed`` prompts did not fit into memory, for good."""
        self.size = max(1, failed // 2)
        self._is_settled = True
