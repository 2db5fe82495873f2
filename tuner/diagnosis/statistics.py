"""Tests that tell a trend from noise; plain numbers in, plain numbers out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, median

MAD_TO_SIGMA = 0.6745
"""Median of the absolute value of a standard normal variable."""


def critical(confidence: float, tests: int = 1) -> float:
    """One-sided bound of a standard normal statistic.

    Args:
        confidence: That no single one of the tests passes by chance, 0.5 to below 1.
        tests: How many are made (Bonferroni).
    """
    return NormalDist().inv_cdf(1.0 - (1.0 - confidence) / max(1, tests))


def scatter(values: Sequence[float]) -> float:
    """Standard deviation of the noise around a smooth curve, from second differences.

    x[i-1] - 2 x[i] + x[i+1] has the variance 6 s^2 and hardly feels a trend (Gasser, Sroka &
    Jennen-Steinmetz 1986). Their median keeps the steep beginning of a curve out of it.

    Returns:
        In the values' unit; 0 for fewer than four values, which say nothing of it.
    """
    if len(values) < 4:  # noqa: PLR2004
        return 0.0
    triples = zip(values, values[1:], values[2:], strict=False)
    second = [abs(a - 2.0 * b + c) for a, b, c in triples]
    return median(second) / (MAD_TO_SIGMA * math.sqrt(6.0))


_SAME_PLACE = 1e-15
"""Places whose squared distances sum up to less are the same."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line through some values."""

    slope: float
    """Change per unit of `at`."""
    error: float
    """Standard error of the slope."""
    change: float
    """What the line rises (or falls) from the first place to the last."""
    residual: float
    """Standard deviation of the values around it."""

    @property
    def statistic(self) -> float:
        """The slope in standard errors; standard normal where there is no trend."""
        if self.error > 0.0:
            return self.slope / self.error
        return math.copysign(math.inf, self.slope) if self.slope else 0.0


def fit(
    at: Sequence[float], values: Sequence[float], noise: float, *, bends: bool = False
) -> Line:
    """Least squares (Gauss); the error is that of a known noise or of the residuals.

    Args:
        at: Places; where all are the same there is no slope.
        values: One for each place.
        noise: Least standard deviation of a value. Residuals of few values are often small by
            chance, so the larger of both counts.
        bends: Take the residuals around a parabola, of five values or more, so that levelling
            off is no noise.
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
    """Standard deviation of values around the parabola of least squares.

    A curve that falls and levels off lies far from every straight line without any noise.

    Args:
        at: Places, ascending.
        values: One for each place.

    Returns:
        In the values' unit; 0 for fewer than five values, through which it passes too closely.
    """
    count = len(values)
    if count < 5:  # noqa: PLR2004
        return 0.0
    # Orthogonal polynomials of degree 0 to 2 on these places.
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
    """How much values go up and down beyond one fall and one rise.

    The path length less that of the shortest path through first value, lowest value and last
    value: 0 for whatever falls, rises, or falls and then rises (which overfitting does); about
    twice the height of each further swing.
    """
    if not values:
        return 0.0
    path = math.fsum(abs(b - a) for a, b in pairwise(values))
    low = min(values)
    return max(0.0, path - (values[0] - low) - (values[-1] - low))


def noise_swing(count: int, noise: float) -> float:
    """What `excess_swing` finds in `count` values of nothing but noise.

    The mean step between independent normal values is 2 / sqrt(pi) standard deviations.
    """
    return max(0, count - 2) * 2.0 / math.sqrt(math.pi) * noise
