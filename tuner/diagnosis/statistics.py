"""Tests that distinguish a trend from noise, on plain numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, median

MAD_TO_SIGMA = 0.6745
"""Median of the absolute value of a standard normal variable."""


def critical(confidence: float, tests: int = 1) -> float:
    """Return the one-sided bound of a standard normal statistic.

    Args:
        confidence: Probability that none of the tests passes by chance, 0.5 to below 1.
        tests: Number of tests (Bonferroni).
    """
    return NormalDist().inv_cdf(1.0 - (1.0 - confidence) / max(1, tests))


def scatter(values: Sequence[float]) -> float:
    """Return the standard deviation of noise around a smooth curve, from second differences.

    x[i-1] - 2 x[i] + x[i+1] has the variance 6 s^2 and is hardly affected by a trend (Gasser,
    Sroka & Jennen-Steinmetz 1986). Their median excludes the steep beginning of a curve.

    Returns:
        Deviation in the values' unit; 0 for fewer than four values.
    """
    if len(values) < 4:  # noqa: PLR2004
        return 0.0
    triples = zip(values, values[1:], values[2:], strict=False)
    second = [abs(a - 2.0 * b + c) for a, b, c in triples]
    return median(second) / (MAD_TO_SIGMA * math.sqrt(6.0))


_SAME_PLACE = 1e-15
"""Sum of squared distances below which positions count as equal."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line through some values."""

    slope: float
    """Change per unit of `at`."""
    error: float
    """Standard error of the slope."""
    change: float
    """Change of the line from the first position to the last."""
    residual: float
    """Standard deviation of the values around the line."""

    @property
    def statistic(self) -> float:
        """Slope in standard errors; standard normal without a trend."""
        if self.error > 0.0:
            return self.slope / self.error
        return math.copysign(math.inf, self.slope) if self.slope else 0.0


def fit(
    at: Sequence[float], values: Sequence[float], noise: float, *, bends: bool = False
) -> Line:
    """Fit a line by least squares; its error comes from known noise or the residuals.

    Args:
        at: Positions; if all are equal there is no slope.
        values: Value at each position.
        noise: Least standard deviation of a value. Residuals of few values are often small by
            chance, so the larger of both counts.
        bends: True to measure residuals around a parabola, with five values or more, so that
            levelling off does not count as noise.
    """
    count = len(values)
    middle, mean = math.fsum(at) / count, math.fsum(values) / count
    spread = math.fsum((x - middle) ** 2 for x in at)
    if spread == 0.0:
        return Line(slope=0.0, error=math.inf, change=0.0, residual=0.0)
    slope = math.fsum((x - middle) * (y - mean) for x, y in zip(at, values, strict=True)) / spread
    squares = math.fsum(
        (y - mean - slope * (x - middle)) ** 2 for x, y in zip(at, values, strict=True)
    )
    residual = math.sqrt(squares / (count - 2)) if count > 2 else 0.0  # noqa: PLR2004
    around = around_bend(at, values) if bends and count >= 5 else residual  # noqa: PLR2004
    return Line(
        slope=slope,
        error=max(around, noise) / math.sqrt(spread),
        change=slope * (at[-1] - at[0]),
        residual=residual,
    )


def around_bend(at: Sequence[float], values: Sequence[float]) -> float:
    """Return the standard deviation of values around their least-squares parabola.

    A curve that falls and levels off is far from every straight line without any noise.

    Args:
        at: Positions, ascending.
        values: Value at each position.

    Returns:
        Deviation in the values' unit; 0 for fewer than five values, which it fits too closely.
    """
    count = len(values)
    if count < 5:  # noqa: PLR2004
        return 0.0
    # Orthogonal polynomials of degree 0 to 2 on these positions.
    basis: list[list[float]] = []
    left = list(values)
    for degree in range(3):
        column = [x**degree for x in at]
        for other in basis:
            share = _product(column, other) / _product(other, other)
            column = [x - share * y for x, y in zip(column, other, strict=True)]
        squares = _product(column, column)
        if squares <= _SAME_PLACE:
            return 0.0
        basis.append(column)
        share = _product(left, column) / squares
        left = [x - share * y for x, y in zip(left, column, strict=True)]
    return math.sqrt(_product(left, left) / (count - 3))


def _product(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(one, other, strict=True))


def excess_swing(values: Sequence[float]) -> float:
    """Return how much values go up and down beyond one fall and one rise.

    This is the path length less the shortest path through first, lowest and last value: 0 for
    values that fall, rise, or fall and then rise (as in overfitting); about twice the height of
    each further swing.
    """
    if not values:
        return 0.0
    path = math.fsum(abs(b - a) for a, b in pairwise(values))
    low = min(values)
    return max(0.0, path - (values[0] - low) - (values[-1] - low))


def noise_swing(count: int, noise: float) -> float:
    """Return the expected `excess_swing` of `count` values of pure noise.

    The mean step between independent normal values is 2 / sqrt(pi) standard deviations.
    """
    return max(0, count - 2) * 2.0 / math.sqrt(math.pi) * noise
