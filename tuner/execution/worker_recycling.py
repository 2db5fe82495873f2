"""Decision to replace a worker that waits for its next trial."""

from collections import Counter

SETTLED = 3
"""Trials after which a worker holds all that it keeps: libraries, models, graphs, data."""

GROWTH = 2.0
"""Growth of its memory, as a factor, at which it keeps what it should not."""


class WorkerRecycling:
    """Counts the trials of each slot's worker, and watches its memory between trials."""

    def __init__(self, trials: int | None) -> None:
        """Start with new workers.

        Args:
            trials: Renew a worker after so many; None: only when its memory grows.
        """
        self._most = trials
        self._trials: Counter[int] = Counter()
        self._settled: dict[int, int] = {}

    def renewed(self, slot: int) -> None:
        """The slot has a new worker."""
        self._trials.pop(slot, None)
        self._settled.pop(slot, None)

    def after_trial(self, slot: int, memory: int) -> str:
        """Return the reason to replace the slot's worker now; empty if it stays.

        Args:
            slot: One whose trial has just ended.
            memory: Bytes that its worker holds; 0: unknown.
        """
        self._trials[slot] += 1
        trials = self._trials[slot]
        if self._most is not None and trials >= self._most:
            return f"it has run {trials} trials"
        if trials <= SETTLED:
            self._settled[slot] = max(memory, self._settled.get(slot, 0))
        settled = self._settled.get(slot, 0)
        if settled and memory > GROWTH * settled:
            return f"its memory grew from {settled / 1e9:.1f} to {memory / 1e9:.1f} GB"
        return ""
