"""Sees within updates, not evaluation points, that a run is past saving."""

import math
from collections import deque
from collections.abc import Sequence

WINDOW = 20
"""Updates whose mean loss must be blown up: a single hard batch is no divergence."""


class DivergenceDetector:
    """Looks at every update of one trial."""

    def __init__(self, untrained_loss: float, factor: float) -> None:
        """Has seen nothing.

        Args:
            untrained_loss: Cross-entropy with which an untrained head begins, in nats; on
                imbalanced data that is several times the constant guess's.
            factor: A loss so many times that is blown up.
        """
        self._limit = factor * untrained_loss
        self._losses: deque[float] = deque(maxlen=WINDOW)

    @property
    def losses(self) -> tuple[float, ...]:
        """Of the last updates, all that it remembers."""
        return tuple(self._losses)

    def remember(self, losses: Sequence[float]) -> None:
        """Goes on from what another watch of the same trial had seen."""
        self._losses.extend(losses)

    def see(self, losses: Sequence[float], norms: Sequence[float | None], last: int) -> str:
        """Looks at some updates.

        Args:
            losses: Mean training loss of each, in nats.
            norms: Gradient norm of each; None where the update was skipped.
            last: Number of the last of them.

        Returns:
            Why the run is past saving, with figures; empty while it is not.
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
