"""Evidence that a classifier's predictions and the labels go together, from a confusion matrix.

The spread of a score under guessing depends on the number of labels, on how often each occurs and
is predicted, and on the rows: at 64 rows Matthews' coefficient has a standard deviation of 0.13
for two balanced labels and of 0.03 for twenty. Both margins of the matrix are therefore held
fixed, as in Fisher's exact test, and predictions are dealt out to the rows at random. Given the
margins, accuracy and Matthews' coefficient are linear in the number of right rows, so one
statistic tests both.
"""

import math
from dataclasses import dataclass

from tuner.trial.metrics import Confusion

_MOST = 40.0
"""Bound of the statistic; nothing asks for more certainty."""

_ALMOST_NONE = 1e-9


@dataclass(frozen=True, kw_only=True)
class RightByChance:
    """Number of right rows if predictions were dealt out to rows at random."""

    mean: float
    """Expected number."""
    deviation: float
    """Standard deviation."""
    skewness: float
    """Third standardized moment."""


def right_by_chance(confusion: Confusion) -> RightByChance:
    """The moments of the number of right rows for given margins.

    The sum over rows of a doubly centred matrix at a random permutation has the variance
    sum(d^2) / (n - 1) and the third moment n sum(d^3) / ((n - 1)(n - 2)) (Hoeffding 1951).

    Args:
        confusion: Counts by true label (rows) and predicted one (columns); one row at least.
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

    # Both sums count each pair of a row and a prediction once, of which a permutation has 1 in n.
    variance = max(0.0, total(2)) / (rows - 1)
    if variance < _ALMOST_NONE:
        return RightByChance(mean=mean, deviation=0.0, skewness=0.0)
    third = total(3) * rows / ((rows - 1) * (rows - 2))
    return RightByChance(mean=mean, deviation=math.sqrt(variance), skewness=third / variance**1.5)


def association(confusion: Confusion) -> float:
    """Evidence that more rows are right than chance gives.

    The number of right rows, less half of its smallest step, against a gamma distribution of the
    same three moments (Pearson's type III): few predictions of a rare label are right by chance
    far more often than a normal distribution has it.

    Args:
        confusion: Counts by true label (rows) and predicted one (columns).

    Returns:
        A statistic that is standard normal where predictions and labels are independent; 0 where
        nothing can be said, as for one label or always the same prediction.
    """
    if not sum(map(sum, confusion)):
        return 0.0
    chance = right_by_chance(confusion)
    if chance.deviation == 0.0:
        return 0.0
    right = sum(row[label] for label, row in enumerate(confusion))
    step = 2.0 if _met_labels(confusion) == 2 else 1.0  # noqa: PLR2004
    beyond = (right - chance.mean - step / 2.0) / chance.deviation
    return max(-_MOST, min(_MOST, _as_normal(beyond, chance.skewness)))


def _met_labels(confusion: Confusion) -> int:
    """Number of labels that occur or are predicted; of two, one more right row makes two."""
    columns = [sum(column) for column in zip(*confusion, strict=True)]
    return sum(bool(sum(row) or column) for row, column in zip(confusion, columns, strict=True))


def _as_normal(value: float, skewness: float) -> float:
    """A standardized gamma variable as a normal one of the same tail (Wilson & Hilferty 1931)."""
    if abs(skewness) < 1e-3:  # noqa: PLR2004
        return value
    if skewness < 0.0:
        return -_as_normal(-value, -skewness)
    shape = 4.0 / skewness**2
    gamma = max(0.0, shape + value * math.sqrt(shape))
    return 3.0 * math.sqrt(shape) * (math.cbrt(gamma / shape) - 1.0 + 1.0 / (9.0 * shape))
