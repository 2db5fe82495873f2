"""Interface of a learning-rate schedule: a function of the optimizer update.

Updates count, never micro-batches: two trials that make up the same effective batch in another
way see the same rate at the same example. Warm-up rises linearly and is never zero at the first
update; the decay reaches its end only after the last update, so no update is spent at zero.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import SHARE
from tuner.fields.component import Component


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """Arguments of `transformers.get_scheduler`."""

    name: str
    """Value of `lr_scheduler_type`."""

    warmup_steps: float = 0
    """Number of updates, or below 1 a share of them."""

    kwargs: Mapping[str, float] = field(default_factory=dict)
    """Value of `lr_scheduler_kwargs`."""

    def arguments(self) -> dict[str, Any]:
        """Return the same as keyword arguments of TrainingArguments."""
        given = {"lr_scheduler_type": self.name, "warmup_steps": self.warmup_steps}
        return given | ({"lr_scheduler_kwargs": dict(self.kwargs)} if self.kwargs else {})


@dataclass(frozen=True, kw_only=True)
class Schedule(Component):
    """Settings of a schedule, and the rates that follow from them.

    A subclass is a frozen dataclass with a `name`, fields with defaults, and `share`.

    Example:
        @dataclass(frozen=True, kw_only=True)
        class Square(Schedule):
            \"\"\"Up to the peak, then down along a parabola.\"\"\"

            name: ClassVar[str] = "square"

            def share(self, *, progress: float, since: int, warmup: int) -> float:
                return (1.0 - progress) ** 2
    """

    group: ClassVar[str] = "schedule"

    warmup_fraction: Annotated[float, SHARE] = 0.1
    """Share of the updates in the warm-up; Devlin 2019, Mosbach 2021."""

    @abstractmethod
    def share(self, *, progress: float, since: int, warmup: int) -> float:
        """Return the rate of an update after the warm-up as a share of the peak.

        Args:
            progress: 0 at the first update after the warm-up, below 1 at the last.
            since: Updates after the warm-up, from 0.
            warmup: Updates of the warm-up.

        Returns:
            Share above 0, at most 1.
        """

    @property
    def stays_at_peak(self) -> bool:
        """True if the rate does not fall after the warm-up."""
        return False

    @property
    def half_cosine_end(self) -> float | None:
        """Last rate as a share of the peak if the decay is half a cosine; else None."""
        return None

    def trainer_decay(self, warmup: float, peak: float) -> Scheduler | None:
        """Return the scheduler of transformers with the same decay; None if there is none.

        Args:
            warmup: Updates of the warm-up, or a share of all below 1.
            peak: Largest learning rate.
        """
        del warmup, peak
        return None

    def learning_rate(self, peak: float, update: int, total_updates: int) -> float:
        """Return the learning rate that one update is made with.

        Args:
            peak: Rate that the warm-up ends at.
            update: Counted from 1 to `total_updates`.
            total_updates: Updates in the whole budget.

        Raises:
            ValueError: A field out of its bounds.
        """
        warmup = warmup_updates(self.warmup_fraction, total_updates)
        since = update - 1 - warmup
        if since < 0:
            return peak * update / (warmup + 1)
        progress = since / max(1, total_updates - warmup)
        return peak * self.share(progress=progress, since=since, warmup=warmup)


def warmup_updates(warmup_fraction: float, total_updates: int) -> int:
    """Return the updates of the warm-up; any fraction above 0 takes at least one.

    Raises:
        ValueError: A fraction that is no share from 0 to 1.
    """
    if not SHARE.admits(warmup_fraction):
        raise ValueError(f"warmup_fraction is {warmup_fraction}; it must be between 0 and 1")
    return math.ceil(round(warmup_fraction * total_updates, 6))
