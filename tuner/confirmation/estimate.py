"""Means of a few scores and their confidence intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from tuner.fields.intervals import Interval, Range, within

CONFIDENCE = 0.95

FEW = 5
"""Number of pairs below which their own deviation is too uncertain."""

_SAME = 1e-12
"""Deviation below which values differ by rounding only."""

UNBOUNDED = Range()

Scores = Mapping[int, Mapping[int, float]]
"""Trial number to seed to the objective of its configuration with that seed."""


@dataclass(frozen=True)
class Spread:
    """Standard deviation of repeats, in the metric's unit, and its degrees of freedom."""

    deviation: float
    freedom: int

    @property
    def is_known(self) -> bool:
        """True if there are repeats that differ."""
        return self.freedom > 0 and self.deviation > _SAME


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean, in the metric's unit."""

    mean: float
    """Mean of the values."""
    margin: float | None
    """Half the width of Student's t-interval, by default with 95 % confidence; None for one value,
    or for equal values.
    """
    low: float | None = None
    """Lower end of the interval within the metric's range; None without a margin."""
    high: float | None = None
    """Upper end of the interval; None without a margin."""

    @property
    def interval(self) -> Interval | None:
        """Confidence interval; None if the values give none."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def excludes_zero(self) -> bool:
        """True if the sign of the true mean is known."""
        return self.interval is not None and not self.interval[0] <= 0.0 <= self.interval[1]


def estimate(
    values: Sequence[float],
    confidence: float = CONFIDENCE,
    *,
    bounds: Range = UNBOUNDED,
    spread: Spread | None = None,
) -> Estimate:
    """Return the mean of values with a confidence interval within the metric's range.

    Args:
        values: At least one value.
        confidence: Confidence of the interval.
        bounds: Range of the metric.
        spread: Deviation of all repeats, used if the values are equal: a few scores that are
            shares of the same rows sometimes agree by chance.
    """
    mean, count = fmean(values), len(values)
    own = Spread(stdev(values), count - 1) if count > 1 else None
    found = own if own is None or own.is_known else spread
    if found is None or not found.is_known:
        return Estimate(mean=mean, margin=None)
    margin = student_t(found.freedom, confidence) * found.deviation / math.sqrt(count)
    low, high = within(bounds, mean, margin)
    return Estimate(mean=mean, margin=margin, low=low, high=high)


def interval_narrowing(seeds: int, more: int) -> float:
    """Return how many times narrower an interval of the same deviation is with more seeds.

    Args:
        seeds: Present number of seeds, 2 or more.
        more: Larger number of seeds.
    """
    return _width(seeds) / _width(more)


def _width(seeds: int) -> float:
    return student_t(seeds - 1) / math.sqrt(seeds)


def difference(
    scores: Scores,
    one: int,
    other: int,
    confidence: float = CONFIDENCE,
    *,
    bounds: Range = UNBOUNDED,
) -> Estimate | None:
    """Return how much larger one configuration's scores are, over the seeds that both have.

    The result is the t-interval of the paired differences. Below `FEW` pairs their deviation is at
    least that of all repeats around their configurations' means, with the degrees of freedom of
    all: scores that are shares of a few hundred rows sometimes agree by chance.

    Args:
        scores: Scores of all configurations.
        one: Number of one configuration's trial.
        other: Number of the other one's trial.
        confidence: Confidence of the interval.
        bounds: Range of the metric itself.

    Returns:
        None if they have no common seed.
    """
    seeds = scores[one].keys() & scores[other].keys()
    pairs = [scores[one][seed] - scores[other][seed] for seed in sorted(seeds)]
    if not pairs:
        return None
    if len(pairs) == 1:
        return Estimate(mean=pairs[0], margin=None)
    of_all = deviation(scores)
    found = Spread(stdev(pairs), len(pairs) - 1)
    if len(pairs) < FEW or not found.is_known:
        found = Spread(max(found.deviation, math.sqrt(2.0) * of_all.deviation), of_all.freedom)
    if not found.is_known:
        return Estimate(mean=fmean(pairs), margin=None)
    margin = student_t(found.freedom, confidence) * found.deviation / math.sqrt(len(pairs))
    low, high = within(bounds.of_difference(), fmean(pairs), margin)
    return Estimate(mean=fmean(pairs), margin=margin, low=low, high=high)


def deviation(scores: Scores) -> Spread:
    """Return the standard deviation of all repeats around their configurations' means."""
    squares, freedom = 0.0, 0
    for values in (list(repeated.values()) for repeated in scores.values() if repeated):
        mean = fmean(values)
        squares += math.fsum((value - mean) ** 2 for value in values)
        freedom += len(values) - 1
    return Spread(math.sqrt(squares / freedom), freedom) if freedom else Spread(0.0, 0)


def student_t(freedom: int, confidence: float = CONFIDENCE) -> float:
    """Return the bound that |t| stays below with a probability.

    Args:
        freedom: Degrees of freedom, 1 or more.
        confidence: Probability, above 0 and below 1.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import

    return float(stdtrit(freedom, (1.0 + confidence) / 2.0))
