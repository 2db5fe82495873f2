"""Means of a few scores, and how far chance may have moved them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

CONFIDENCE = 0.95

FEW = 5
"""Below so many pairs their own deviation is too uncertain to be believed alone."""

_HALVINGS = 60

Scores = Mapping[int, Mapping[int, float]]
"""Number of a trial to seed to the objective that its configuration reached with it."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean, in the metric's unit.

    Attributes:
        mean: Of the values seen.
        margin: The true mean is this near with 95 % confidence, unless another one was asked for;
            None: too few values to say.
    """

    mean: float
    margin: float | None

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the true mean is known."""
        return self.margin is not None and abs(self.mean) > self.margin


def estimate(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The mean of at least one value with Student's t-interval."""
    if len(values) < 2:  # noqa: PLR2004
        return Estimate(mean=fmean(values), margin=None)
    error = stdev(values) / math.sqrt(len(values))
    return Estimate(mean=fmean(values), margin=student_t(len(values) - 1, confidence) * error)


def difference(
    scores: Scores, one: int, other: int, confidence: float = CONFIDENCE
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

    Returns:
        None where no seed is common to both.
    """
    seeds = scores[one].keys() & scores[other].keys()
    pairs = [scores[one][seed] - scores[other][seed] for seed in sorted(seeds)]
    if not pairs:
        return None
    own = estimate(pairs, confidence)
    if own.margin is None or len(pairs) >= FEW:
        return own
    within, freedom = deviation(scores)
    error = max(stdev(pairs), math.sqrt(2.0) * within) / math.sqrt(len(pairs))
    return Estimate(mean=own.mean, margin=student_t(freedom, confidence) * error)


def deviation(scores: Scores) -> tuple[float, int]:
    """The standard deviation of repeats around the mean of their configuration, over all.

    Returns:
        The deviation, in the metric's unit, and its degrees of freedom; 0 and 0 without repeats.
    """
    squares, freedom = 0.0, 0
    for values in (list(repeated.values()) for repeated in scores.values() if repeated):
        mean = fmean(values)
        squares += math.fsum((value - mean) ** 2 for value in values)
        freedom += len(values) - 1
    return (math.sqrt(squares / freedom), freedom) if freedom else (0.0, 0)


def student_t(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The bound that |t| stays below with this probability.

    Found by bisection of the probability, which is a finite sum where the degrees of freedom are
    whole (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4).

    Args:
        freedom: Degrees of freedom, 1 or more.
        confidence: Above 0 and below 1.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """Probability of |t| below sqrt(freedom) tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = total = 0.0 if freedom == 1 else (cosine if odd else 1.0)
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return 2.0 / math.pi * (angle + sine * total) if odd else sine * total
