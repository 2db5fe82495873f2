"""Detection of diverged training within updates, without waiting for an evaluation point."""

import math
from collections import deque
from collections.abc import Sequence

WINDOW = 20
"""Number of updates whose mean loss must have exploded, since one hard batch is no divergence."""


class DivergenceDetector:
    """Checks every update of one trial."""

    def __init__(self, untrained_loss: float, factor: float) -> None:
        """Start without losses.

        Args:
            untrained_loss: Loss that an untrained head may have over `WINDOW` updates; on
                imbalanced data it is several times the constant guess's.
            factor: Multiple of that loss that counts as exploded.
        """
        self._limit = factor * untrained_loss
        self._losses: deque[float] = deque(maxlen=WINDOW)

    @property
    def losses(self) -> tuple[float, ...]:
        """Losses of the last updates, which are all that it needs."""
        return tuple(self._losses)

    def restore(self, losses: Sequence[float]) -> None:
        """Continue with the losses of an earlier detector of the same trial."""
        self._losses.extend(losses)

    def update(self, losses: Sequence[float], norms: Sequence[float | None], last: int) -> str:
        """Check some updates.

        Args:
            losses: Mean training loss of each update, in nats.
            norms: Gradient norm of each update; None if it was skipped.
            last: Number of the last update.

        Returns:
            Reason why training has diverged, with figures; empty if it has not.
        """
        first = last - len(losses) + 1
        for number, (loss, norm) in enumerate(zip(losses, norms, strict=True), start=first):
            if not math.isfinite(loss):
                return f"train_loss is {loss} at update {number}"
            if norm is not None and not math.isfinite(norm):
                return f"grad_norm is {norm} at update {number}"
            self._losses.append(loss)
            mean = math.fsum(self._losses) / len(self._losses)
            if len(self._losses) == WINDOW and mean > self._limit:
                return (
                    f"train_loss {mean:.3g} over {WINDOW} updates up to update {number}, above "
                    f"{self._limit:.3g}"
                )
        return ""
