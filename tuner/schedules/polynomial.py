"""Decay along a power."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.fields.bounds import SHARE, above
from tuner.schedules.base import Schedule, Scheduler


@dataclass(frozen=True, kw_only=True)
class Polynomial(Schedule):
    """Linear warm-up to the peak, then down with a power of the remaining share."""

    name: ClassVar[str] = "polynomial"

    power: Annotated[float, above(0)] = 2.0
    """Exponent; 1.0 is linear."""

    end_fraction: Annotated[float, SHARE] = 0.0
    """Last rate as a share of the peak."""

    @property
    def stays_at_peak(self) -> bool:
        """True if the curve ends at the peak."""
        return self.end_fraction == 1.0

    def share(self, *, progress: float, since: int, warmup: int) -> float:  # noqa: ARG002
        """Return `(1 - progress) ** power`, down to `end_fraction` of the peak."""
        end = self.end_fraction
        return end + (1.0 - end) * math.pow(1.0 - progress, self.power)

    def trainer_decay(self, warmup: float, peak: float) -> Scheduler | None:
        """Return `polynomial`."""
        kwargs = {"power": self.power, "lr_end": self.end_fraction * peak}
        return Scheduler(name="polynomial", warmup_steps=warmup, kwargs=kwargs)
