"""Bounds of values, declared at their fields as `Annotated[float, above(0)]`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

LARGEST_SEED = 2**52
"""Largest seed: new seeds count on from it, and both stay exact as floats."""


class Limit(Protocol):
    """Bounds of a field beyond its type."""

    @property
    def text(self) -> str:
        """The limit in words, for messages and documentation."""

    def admits(self, value: Any) -> bool:
        """Return True if the field may have this value."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """An interval that the value of a field lies in.

    Example:
        >>> above(0).admits(0), at_least(0).admits(0)
        (False, True)
    """

    text: str
    """The interval in words, for messages and documentation."""

    low: float = -math.inf
    """Least value."""

    high: float = math.inf
    """Largest value."""

    open_low: bool = False
    """True if the least value itself is not allowed."""

    open_high: bool = False
    """True if the largest value itself is not allowed."""

    def admits(self, value: Any) -> bool:
        """Return True if the value lies in the interval; NaN and texts never do."""
        if not isinstance(value, int | float):
            return False
        above = self.low < value if self.open_low else self.low <= value
        return above and (value < self.high if self.open_high else value <= self.high)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A limit of values that are no numbers, or of numbers beyond an interval."""

    text: str
    """The limit in words, for messages and documentation."""

    holds: Callable[[Any], bool]
    """True for the values that are allowed."""

    def admits(self, value: Any) -> bool:
        """Return True if the condition holds; values of another type never do."""
        try:
            return self.holds(value)
        except TypeError:
            return False


def one_of(names: Sequence[str]) -> Condition:
    """Return the limit of a name from a list."""
    return Condition(text="one of " + ", ".join(names), holds=lambda value: value in names)


def whole(low: int, *words: str) -> Condition:
    """Return the limit of a whole number that is not below `low`, or of one of the words."""
    return Condition(
        text=" or ".join((f"a whole number, {low} or more", *words)),
        holds=lambda value: value in words or (type(value) is int and value >= low),
    )


def at_least(low: float) -> Bounds:
    """Return the bounds of a finite number that is not below `low`."""
    return Bounds(text=f"{low} or more", low=low, open_high=True)


def above(low: float) -> Bounds:
    """Return the bounds of a finite number greater than `low`."""
    return Bounds(text=f"a number above {low}", low=low, open_low=True, open_high=True)


def between(low: int, high: int) -> Bounds:
    """Return the bounds of a number in a closed interval."""
    return Bounds(text=f"{low} to {high:,}", low=low, high=high)


FINITE = Bounds(text="a finite number", open_low=True, open_high=True)
SHARE = Bounds(text="a share from 0 to 1", low=0.0, high=1.0)
FROM_0_BELOW_1 = Bounds(text="from 0 to below 1", low=0.0, high=1.0, open_high=True)
ABOVE_0_TO_1 = Bounds(text="a factor above 0, at most 1", low=0.0, high=1.0, open_low=True)
OPEN_SHARE = Bounds(
    text="a share above 0 and below 1", low=0.0, high=1.0, open_low=True, open_high=True
)
NAME = Condition(text="a name that is not empty", holds=bool)
