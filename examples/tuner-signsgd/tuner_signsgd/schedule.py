"""A constant rate with a short decay at the end."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from tuner.fields.bounds import OPEN_SHARE
from tuner.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class Cooldown(Schedule):
    """Up to the peak, level, then down over the last part of the updates (Hägele 2024)."""

    name: ClassVar[str] = "cooldown"

    cooldown_fraction: Annotated[float, OPEN_SHARE] = 0.2
    """Share of the updates after the warm-up in which the rate falls."""

    def share(self, *, progress: float, since: int, warmup: int) -> float:
        """Return 1, in the last part 1 - sqrt(x) while x goes from 0 to 1."""
        del since, warmup
        fallen = 1.0 - (1.0 - progress) / self.cooldown_fraction
        return 1.0 - math.sqrt(max(0.0, fallen))
