"""Decay along half a cosine, several times over."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.fields.bounds import SHARE, at_least
from tuner.schedules.base import Schedule, Scheduler
from tuner.schedules.cosine import half_cosine


@dataclass(frozen=True, kw_only=True)
class CosineRestarts(Schedule):
    """Linear warm-up to the peak, then half a cosine down, several times (Loshchilov 2017)."""

    name: ClassVar[str] = "cosine_restarts"

    cycles: Annotated[int, at_least(1)] = 2
    """Number of equal waves; each begins at the peak."""

    end_fraction: Annotated[float, SHARE] = 0.0
    """Last rate as a share of the peak."""

    @property
    def stays_at_peak(self) -> bool:
        """True if the waves end at the peak."""
        return self.end_fraction == 1.0

    @property
    def half_cosine_end(self) -> float | None:
        """The last rate as a share of the peak, of a single wave."""
        return self.end_fraction if self.cycles == 1 else None

    def share(self, *, progress: float, since: int, warmup: int) -> float:  # noqa: ARG002
        """Return `cycles` half cosine waves of equal length.

        Raises:
            ValueError: Less than one wave.
        """
        if self.cycles < 1:
            raise ValueError(f"cycles is {self.cycles}; it must be 1 or more")
        return half_cosine((progress * self.cycles) % 1.0, self.end_fraction)

    def trainer_decay(self, warmup: float, peak: float) -> Scheduler | None:
        """Return `cosine_with_restarts`, or `cosine_with_min_lr` of a single wave."""
        del peak
        if self.end_fraction and self.cycles == 1:
            kwargs = {"min_lr_rate": self.end_fraction}
            return Scheduler(name="cosine_with_min_lr", warmup_steps=warmup, kwargs=kwargs)
        if self.end_fraction:
            return None
        return Scheduler(
            name="cosine_with_restarts",
            warmup_steps=warmup,
            kwargs={"num_cycles": self.cycles},
        )
