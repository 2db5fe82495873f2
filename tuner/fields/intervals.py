"""Confidence intervals that stay within the range of their metric.

A symmetric interval around a mean near a bound reaches values that no model can have, and with
two or three values it nearly always does. So the margin is taken on a scale without bounds
(logit between two bounds, logarithm above one), where the delta method gives its size (Oehlert
1992), and both ends are turned back. Coverage is that of Student's interval or better
(tests/fields/test_intervals.py).
"""

import math
from dataclasses import dataclass

Interval = tuple[float, float]
"""Lower and upper end."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """Values that a metric can have, both bounds included.

    Attributes:
        low: Least value; None: there is none.
        high: Largest value; None: there is none.
    """

    low: float | None = None
    high: float | None = None

    def of_difference(self) -> "Range":
        """Range of the difference of two values of this one."""
        if self.low is None or self.high is None:
            return Range()
        return Range(low=self.low - self.high, high=self.high - self.low)

    def clip(self, value: float) -> float:
        """The nearest value of the range."""
        if self.low is not None:
            value = max(self.low, value)
        return value if self.high is None else min(self.high, value)


def within(values: Range, mean: float, margin: float) -> Interval:
    """An interval around a mean that holds no value outside a range.

    Args:
        values: The metric's range.
        mean: A value of the range.
        margin: Half the width that the interval would have if there were no bounds.
    """
    low, high = values.low, values.high
    if low is None and high is not None:
        below, above = within(Range(low=-high), -mean, margin)
        return -above, -below
    if low is None or mean <= low or (high is not None and mean >= high):
        return values.clip(mean - margin), values.clip(mean + margin)
    below = mean - low
    if high is None:
        return low + below * _exp(-margin / below), low + below * _exp(margin / below)
    width, above = high - low, high - mean
    centre, half = math.log(below / above), margin * width / (below * above)
    return low + width * _logistic(centre - half), low + width * _logistic(centre + half)


def _logistic(value: float) -> float:
    # In the form that does not overflow.
    small = math.exp(-abs(value))
    return 1.0 / (1.0 + small) if value >= 0.0 else small / (1.0 + small)


def _exp(value: float) -> float:
    # Beyond this the end of an interval might be infinite.
    return math.exp(min(value, 600.0))
