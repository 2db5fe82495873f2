"""Means of a few scores, and how far chance may have moved them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from tuner.settings.intervals import Interval, Range, within

CONFIDENCE = 0.95

FEW = 5
"""Below so many pairs their own deviation is too uncertain to be believed alone."""

_SAME = 1e-12
"""Deviation below which values are the same but for rounding."""

UNBOUNDED = Range()

Scores = Mapping[int, Mapping[int, float]]
"""Number of a trial to seed to the objective that its configuration reached with it."""


@dataclass(frozen=True)
class Spread:
    """Standard deviation of repeats, in the metric's unit, and its degrees of freedom."""

    deviation: float
    freedom: int

    @property
    def is_known(self) -> bool:
        """False where there are no repeats, or all of them are the same."""
        return self.freedom > 0 and self.deviation > _SAME


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean, in the metric's unit."""

    mean: float
    """Of the values seen."""
    margin: float | None
    """Half the width of Student's t-interval, with 95 % confidence unless another one was asked
    for; None: one value, or values that are all the same.
    """
    low: float | None = None
    """Lower end of the interval, within the metric's range; None without a margin."""
    high: float | None = None
    """Upper end of the interval; None without a margin."""

    @property
    def interval(self) -> Interval | None:
        """The confidence interval; None where the values give none."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the true mean is known."""
        return self.interval is not None and not self.interval[0] <= 0.0 <= self.interval[1]


def estimate(
    values: Sequence[float],
    confidence: float = CONFIDENCE,
    *,
    bounds: Range = UNBOUNDED,
    spread: Spread | None = None,
) -> Estimate:
    """The mean of at least one value with a confidence interval that keeps within a range.

    Args:
        values: One or more.
        confidence: Of the interval.
        bounds: Range of the metric.
        spread: Deviation of all repeats. It counts where the values are all the same: a few
            scores that are shares of the same rows agree by chance now and then.
    """
    mean, count = fmean(values), len(values)
    own = Spread(stdev(values), count - 1) if count > 1 else None
    found = own if own is None or own.is_known else spread
    if found is None or not found.is_known:
        return Estimate(mean=mean, margin=None)
    margin = student_t(found.freedom, confidence) * found.deviation / math.sqrt(count)
    low, high = within(bounds, mean, margin)
    return Estimate(mean=mean, margin=margin, low=low, high=high)


def gain_of_seeds(seeds: int, more: int) -> float:
    """How many times narrower an interval of the same deviation is with more seeds.

    Args:
        seeds: Number that there is, 2 or more.
        more: Number that there would be.
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
    """How much larger the scores of one configuration are, over the seeds that both have.

    The t-interval of the paired differences. Below `FEW` pairs their deviation is taken as at
    least that which all repeats have around their configurations' means, with the degrees of
    freedom of all: scores that are shares of a few hundred rows agree by chance now and then.

    Args:
        scores: Of all configurations.
        one: Number of a configuration.
        other: Number of another one.
        confidence: Of the interval.
        bounds: Range of the metric itself.

    Returns:
        None where no seed is common to both.
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
    """The standard deviation of repeats around the mean of their configuration, over all."""
    squares, freedom = 0.0, 0
    for values in (list(repeated.values()) for repeated in scores.values() if repeated):
        mean = fmean(values)
        squares += math.fsum((value - mean) ** 2 for value in values)
        freedom += len(values) - 1
    return Spread(math.sqrt(squares / freedom), freedom) if freedom else Spread(0.0, 0)


def student_t(freedom: int, confidence: float = CONFIDENCE) -> float:
    """Return the bound that |t| stays below with this probability.

    Args:
        freedom: Degrees of freedom, 1 or more.
        confidence: Above 0 and below 1.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import

    return float(stdtrit(freedom, (1.0 + confidence) / 2.0))
