"""Decay in a straight line, the default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.fields.bounds import SHARE
from tuner.schedules.base import Schedule, Scheduler


@dataclass(frozen=True, kw_only=True)
class Linear(Schedule):
    """Linear warm-up to the peak, then linear decay, as in BERT (Devlin 2019)."""

    name: ClassVar[str] = "linear"

    end_fraction: Annotated[float, SHARE] = 0.0
    """Last rate as a share of the peak."""

    @property
    def stays_at_peak(self) -> bool:
        """True if the line ends at the peak."""
        return self.end_fraction == 1.0

    def share(self, *, progress: float, since: int, warmup: int) -> float:  # noqa: ARG002
        """Return a straight line from the peak to `end_fraction` of it."""
        return 1.0 + (self.end_fraction - 1.0) * progress

    def trainer_decay(self, warmup: float, peak: float) -> Scheduler | None:
        """Return `linear`, or `polynomial` of power 1 where it does not end at zero."""
        if not self.end_fraction:
            return Scheduler(name="linear", warmup_steps=warmup)
        kwargs = {"power": 1.0, "lr_end": self.end_fraction * peak}
        return Scheduler(name="polynomial", warmup_steps=warmup, kwargs=kwargs)
