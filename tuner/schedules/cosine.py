"""Decay along half a cosine."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.fields.bounds import SHARE
from tuner.schedules.base import Schedule, Scheduler


@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """Linear warm-up to the peak, then half a cosine down (Loshchilov 2017)."""

    name: ClassVar[str] = "cosine"

    end_fraction: Annotated[float, SHARE] = 0.0
    """Last rate as a share of the peak."""

    @property
    def stays_at_peak(self) -> bool:
        """True if the wave ends at the peak."""
        return self.end_fraction == 1.0

    @property
    def half_cosine_end(self) -> float | None:
        """The last rate as a share of the peak."""
        return self.end_fraction

    def share(self, *, progress: float, since: int, warmup: int) -> float:  # noqa: ARG002
        """Return half a cosine wave from the peak to `end_fraction` of it."""
        return half_cosine(progress, self.end_fraction)

    def trainer_decay(self, warmup: float, peak: float) -> Scheduler | None:
        """Return `cosine`, or `cosine_with_min_lr` where it does not end at zero."""
        del peak
        if not self.end_fraction:
            return Scheduler(name="cosine", warmup_steps=warmup)
        kwargs = {"min_lr_rate": self.end_fraction}
        return Scheduler(name="cosine_with_min_lr", warmup_steps=warmup, kwargs=kwargs)


def half_cosine(progress: float, end: float) -> float:
    """Return half a cosine wave that falls from 1 to `end` while `progress` goes from 0 to 1."""
    wave = (1.0 + math.cos(math.pi * progress)) / 2.0
    return end + (1.0 - end) * wave
