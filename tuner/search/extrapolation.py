"""Where a learning curve will end, judged from its points so far; larger values are better.

A curve is taken as `end + rise / sqrt(point)`: a power law (Domhan 2015), whose exponent the few
noisy points of a curve can not tell, so that it is fixed. What is left is noise, of which the
finished curves of a study tell how large it is.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

FEWEST_POINTS = 3
"""Fewer points say nothing about the noise around a line."""

PRIOR_POINTS = 2
"""How many points of a curve's own the noise in the study's curves weighs as much as."""

_FREEDOM = 3
"""Degrees of freedom of Student's t, for any number of points.

The fewest points leave as many. The tails stay as heavy for more: learning can set in late.
"""

_LEAST_ERROR = 1e-9
"""Where all curves are flat, rounding does not decide."""


def noise(curves: Sequence[Sequence[float]]) -> float:
    """Variance of one point around its curve, in squared units of the objective.

    Half the mean square of what changes from point to point, because the difference of two values
    varies twice as much as each. That the curves also rise makes it larger, which errs on the side
    of going on. 0 where no curve has two points.
    """
    steps = [after - before for curve in curves for before, after in itertools.pairwise(curve)]
    return sum(step**2 for step in steps) / len(steps) / 2 if steps else 0.0


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Where a curve will end."""

    end: float
    """The value to expect there."""
    error: float
    """Its standard error."""

    def above(self, goal: float) -> float:
        """Return the chance that it ends above a goal, 0 to 1."""
        from scipy.special import stdtr  # noqa: PLC0415 - slow to import

        error = max(self.error, _LEAST_ERROR * (1.0 + abs(goal)))
        return float(stdtr(_FREEDOM, (self.end - goal) / error))


def forecast(curve: Mapping[int, float], points: int, variance: float) -> Forecast | None:
    """Judges where a curve will end.

    Args:
        curve: Evaluation point, counted from 1, to finite value; larger is better.
        points: The evaluation point at which the curve will end.
        variance: Of one point, from the other curves; see `noise`.

    Returns:
        None while there are fewer than `FEWEST_POINTS`.
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
    """The chance that a trial's end is dominated by none of the rivals, at most.

    A rival dominates what is better in nothing. Against each the objectives are taken as
    independent; of several rivals the one counts that leaves the least chance, so that what lies
    between them is let go on. With one objective it is the chance to end above the best.

    Args:
        ends: Of each objective; None: it can not be told.
        rivals: Each one's objectives, larger is better.

    Returns:
        0 to 1; 1 without rivals, or where an end can not be told.
    """
    told = [end for end in ends if end is not None]
    if len(told) < len(ends):
        return 1.0
    chances = [
        1.0 - math.prod(1.0 - end.above(goal) for end, goal in zip(told, rival, strict=True))
        for rival in rivals
    ]
    return min(chances, default=1.0)
