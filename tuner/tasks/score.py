"""A score that predictions are judged by: its name for people, its direction and its range."""

from dataclasses import dataclass
from typing import Literal

from tuner.fields.intervals import Range

Direction = Literal["minimize", "maximize"]

SHARE = Range(low=0.0, high=1.0)
CORRELATION = Range(low=-1.0, high=1.0)
AT_LEAST_0 = Range(low=0.0)


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score of a task."""

    title: str
    """Name in texts for people."""

    direction: Direction = "maximize"
    """Direction in which it gets better."""

    values: Range = SHARE
    """Values that it can have."""
