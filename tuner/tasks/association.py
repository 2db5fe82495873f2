"""Evidence that a classifier's predictions and labels are associated, from a confusion matrix.

The spread of a score under guessing depends on the number of labels, on their frequencies among
rows and predictions, and on the number of rows: at 64 rows Matthews' coefficient has a standard
deviation of 0.13 for two balanced labels and of 0.03 for twenty. Both margins of the matrix are
therefore held fixed, as in Fisher's exact test, and predictions are assigned to rows at random.
Given the margins, accuracy and Matthews' coefficient are linear in the number of correct rows, so
that one statistic tests both.
"""

import math
from dataclasses import dataclass

from tuner.tasks.confusion import Confusion

_MOST = 40.0
"""Bound of the statistic; larger values decide nothing more."""

_ALMOST_NONE = 1e-9


@dataclass(frozen=True, kw_only=True)
class RightByChance:
    """Distribution of the number of correct rows if predictions were assigned at random."""

    mean: float
    """Expected number."""
    deviation: float
    """Standard deviation."""
    skewness: float
    """Third standardized moment."""


def right_by_chance(confusion: Confusion) -> RightByChance:
    """Return the moments of the number of correct rows for given margins.

    The sum over rows of a doubly centred matrix at a random permutation has the variance
    sum(d^2) / (n - 1) and the third moment n sum(d^3) / ((n - 1)(n - 2)) (Hoeffding 1951).

    Args:
        confusion: Counts by true label (rows) and predicted label (columns); at least one row.
    """
    true = [sum(row) for row in confusion]
    guessed: list[int] = [sum(column) for column in zip(*confusion, strict=True)]
    rows = sum(true)
    mean = math.fsum(t * g for t, g in zip(true, guessed, strict=True)) / rows
    if rows < 3:  # noqa: PLR2004
        return RightByChance(mean=mean, deviation=0.0, skewness=0.0)
    # d[k, l] is (k == l) + a[k] + b[l] for the labels k of a row and l of a prediction.
    a = [mean / rows - g / rows for g in guessed]
    b = [-t / rows for t in true]

    def total(power: int) -> float:
        apart = math.fsum(
            math.comb(power, k)
            * math.fsum(t * x ** (power - k) for t, x in zip(true, a, strict=True))
            * math.fsum(g * x**k for g, x in zip(guessed, b, strict=True))
            for k in range(power + 1)
        )
        right = math.fsum(
            t * g * ((1.0 + x + y) ** power - (x + y) ** power)
            for t, g, x, y in zip(true, guessed, a, b, strict=True)
        )
        return apart + right

    # Both sums count each pair of a row and a prediction once; a permutation contains 1 in n.
    variance = max(0.0, total(2)) / (rows - 1)
    if variance < _ALMOST_NONE:
        return RightByChance(mean=mean, deviation=0.0, skewness=0.0)
    third = total(3) * rows / ((rows - 1) * (rows - 2))
    return RightByChance(mean=mean, deviation=math.sqrt(variance), skewness=third / variance**1.5)


def association(confusion: Confusion) -> float:
    """Return the evidence that more rows are correct than by chance.

    The number of correct rows, less half of its smallest step, is compared with a gamma
    distribution of the same three moments (Pearson's type III): few predictions of a rare label
    are correct by chance far more often than under a normal distribution.

    Args:
        confusion: Counts by true label (rows) and predicted label (columns).

    Returns:
        A statistic that is standard normal if predictions and labels are independent; 0 if there
        is no evidence, for example with one label or one constant prediction.
    """
    if not sum(map(sum, confusion)):
        return 0.0
    chance = right_by_chance(confusion)
    if chance.deviation == 0.0:
        return 0.0
    right = sum(row[label] for label, row in enumerate(confusion))
    step = 2.0 if _met_labels(confusion) == 2 else 1.0  # noqa: PLR2004
    beyond = (right - chance.mean - step / 2.0) / chance.deviation
    return bounded(_as_normal(beyond, chance.skewness))


def bounded(evidence: float) -> float:
    """Return a statistic within the bound of certainty."""
    return max(-_MOST, min(_MOST, evidence))


def _met_labels(confusion: Confusion) -> int:
    """Return the number of labels that occur or are predicted; of two, hits come in pairs."""
    columns = [sum(column) for column in zip(*confusion, strict=True)]
    return sum(bool(sum(row) or column) for row, column in zip(confusion, columns, strict=True))


def _as_normal(value: float, skewness: float) -> float:
    """Return a standardized gamma variable as a normal one (Wilson & Hilferty 1931)."""
    if abs(skewness) < 1e-3:  # noqa: PLR2004
        return value
    if skewness < 0.0:
        return -_as_normal(-value, -skewness)
    shape = 4.0 / skewness**2
    gamma = max(0.0, shape + value * math.sqrt(shape))
    return 3.0 * math.sqrt(shape) * (math.cbrt(gamma / shape) - 1.0 + 1.0 / (9.0 * shape))
