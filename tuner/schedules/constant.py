"""No decay."""

from dataclasses import dataclass
from typing import ClassVar

from tuner.schedules.base import Schedule


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """Linear warm-up to the peak, then constant."""

    name: ClassVar[str] = "constant"

    @property
    def stays_at_peak(self) -> bool:
        """True."""
        return True

    def share(self, *, progress: float, since: int, warmup: int) -> float:  # noqa: ARG002
        """Return the peak."""
        return 1.0
