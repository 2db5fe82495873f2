"""Forecast of a learning curve's end from its points so far; larger values are better.

A curve is modelled as `end + rise / sqrt(point)`: a power law (Domhan 2015) with a fixed exponent,
because few noisy points cannot determine it. The rest is noise, whose size is estimated from the
finished curves of a study.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

FEWEST_POINTS = 3
"""Least number of points that shows noise around a line."""

PRIOR_POINTS = 2
"""Weight of the study's noise, as a number of points of the curve itself."""

_FREEDOM = 3
"""Degrees of freedom of Student's t, for any number of points.

The least number of points leaves as many. Heavy tails are kept for more points, because
learning can start late.
"""

_LEAST_ERROR = 1e-9
"""Relative error that prevents decisions by rounding if all curves are flat."""


def noise(curves: Sequence[Sequence[float]]) -> float:
    """Return the variance of one point around its curve, in squared units of the objective.

    It is half the mean square of the change between points, because the difference of two values
    varies twice as much as each. The curves' rise makes it larger, which errs towards continuing.
    0 if no curve has two points.
    """
    steps = [after - before for curve in curves for before, after in itertools.pairwise(curve)]
    return sum(step**2 for step in steps) / len(steps) / 2 if steps else 0.0


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Forecast of a curve's end."""

    end: float
    """Expected value."""
    error: float
    """Standard error of the expected value."""

    def above(self, goal: float) -> float:
        """Return the probability that it ends above a goal."""
        from scipy.special import stdtr  # noqa: PLC0415 - slow to import

        error = max(self.error, _LEAST_ERROR * (1.0 + abs(goal)))
        return float(stdtr(_FREEDOM, (self.end - goal) / error))


def forecast(curve: Mapping[int, float], points: int, variance: float) -> Forecast | None:
    """Forecast where a curve will end.

    Args:
        curve: Evaluation point, counted from 1, to finite value; larger is better.
        points: Evaluation point at which the curve ends.
        variance: Variance of one point, from the other curves; see `noise`.

    Returns:
        The forecast; None with fewer than `FEWEST_POINTS` points.
    """
    count = len(curve)
    if count < FEWEST_POINTS:
        return None
    places = [point**-0.5 for point in curve]
    place, value = sum(places) / count, sum(curve.values()) / count
    spread = sum((each - place) ** 2 for each in places)
    pairs = list(zip(places, curve.values(), strict=True))
    slope = sum((x - place) * (y - value) for x, y in pairs) / spread
    residue = sum((y - value - slope * (x - place)) ** 2 for x, y in pairs)
    ahead = points**-0.5 - place
    # Two degrees of freedom went into the line.
    each = (residue + PRIOR_POINTS * variance) / (count - 2 + PRIOR_POINTS)
    error = math.sqrt(each * (1 + 1 / count + ahead**2 / spread))
    return Forecast(end=value + slope * ahead, error=error)


def chance_undominated(
    ends: Sequence[Forecast | None], rivals: Iterable[Sequence[float]]
) -> float:
    """Return an upper bound of the chance that no rival dominates a trial's end.

    A rival dominates if the trial is better in nothing. The objectives count as independent;
    among several rivals the one that leaves the least chance counts, so that a trial between
    them continues. With one objective it is the chance to end above the best.

    Args:
        ends: Forecast of each objective; None if there is none.
        rivals: Objectives of each rival; larger is better.

    Returns:
        Chance from 0 to 1; 1 without rivals, or if a forecast is missing.
    """
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return 1.0
    chances = [
        1.0 - math.prod(1.0 - end.above(goal) for end, goal in zip(known, rival, strict=True))
        for rival in rivals
    ]
    return min(chances, default=1.0)
