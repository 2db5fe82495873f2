"""Decay with the square root of the update."""

import math
from dataclasses import dataclass
from typing import ClassVar

from tuner.schedules.base import Schedule, Scheduler


@dataclass(frozen=True, kw_only=True)
class InverseSqrt(Schedule):
    """Linear warm-up to the peak, then down with the inverse root of the updates (Vaswani 2017).

    The time scale is that of the warm-up: half the peak is reached after four times of it.
    """

    name: ClassVar[str] = "inverse_sqrt"

    def share(self, *, progress: float, since: int, warmup: int) -> float:  # noqa: ARG002
        """Return the root of the warm-up's share of the updates so far."""
        scale = max(1, warmup)
        return math.sqrt(scale / (scale + since))

    def trainer_decay(self, warmup: float, peak: float) -> Scheduler | None:
        """Return `inverse_sqrt`."""
        del peak
        # Without a warm-up transformers' own time scale is 10,000 updates.
        kwargs = {} if warmup else {"timescale": 1}
        return Scheduler(name="inverse_sqrt", warmup_steps=warmup, kwargs=kwargs)
