"""Decay by the same factor over equal stretches."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.fields.bounds import Bounds, at_least
from tuner.schedules.base import Schedule

RATE = Bounds(text="a rate above 0, at most 1", low=0.0, high=1.0, open_low=True)


@dataclass(frozen=True, kw_only=True)
class Exponential(Schedule):
    """Linear warm-up to the peak, then down by a constant factor per stretch of equal length.

    The stretches are shares of the run and not a number of updates, so that the curve is the same
    for every batch size.
    """

    name: ClassVar[str] = "exponential"

    decay_rate: Annotated[float, RATE] = 0.5
    """Factor from one stretch to the next."""

    steps: Annotated[int, at_least(1)] = 4
    """Number of stretches after the warm-up."""

    staircase: bool = False
    """True: constant within a stretch."""

    @property
    def stays_at_peak(self) -> bool:
        """True if the factor is 1."""
        return self.decay_rate == 1.0

    def share(self, *, progress: float, since: int, warmup: int) -> float:  # noqa: ARG002
        """Return `decay_rate` to the power of the stretches so far; whole ones if `staircase`.

        Raises:
            ValueError: A factor that is not above 0.
        """
        if self.decay_rate <= 0.0:
            raise ValueError(f"decay_rate is {self.decay_rate}; it must be above 0")
        exponent = progress * self.steps
        return float(self.decay_rate ** (math.floor(exponent) if self.staircase else exponent))
