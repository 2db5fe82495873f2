"""Tests whether two groups of trials differ in a parameter, exact for few trials.

They count how many random draws of as many trials look as extreme, so they need no assumption
about how a sampler distributes its values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

# SciPy counts every draw only if no values are equal, and its test of spread does not correct for
# whole ranks; values of a search are often equal, so the distribution is our own.
EXACT = 40
"""Largest number of trials for which every draw is counted; above, the normal approximation is
close.
"""


@dataclass(frozen=True, kw_only=True)
class Tails:
    """Tail probabilities of a group's sum of scores if the group were drawn at random."""

    low: float
    """Probability of a sum as low or lower."""
    high: float
    """Probability of a sum as high or higher."""

    @property
    def two_sided(self) -> float:
        """Twice the smaller tail, at most 1."""
        return min(1.0, 2.0 * min(self.low, self.high))


def location(group: Sequence[float], others: Sequence[float]) -> Tails:
    """Test whether a group's values are lower or higher (Mann & Whitney 1947); ties share ranks.

    Args:
        group: Values of one group, at least one.
        others: Values of all others, at least one.
    """
    return _tails(_doubled_ranks([*group, *others]), len(group))


def spread(group: Sequence[float], others: Sequence[float]) -> Tails:
    """Test whether a group's values lie in the middle (low) or at both ends (high).

    The scores are the ranks' distances from the middle rank (Ansari & Bradley 1960). A group at
    one end counts as at the ends, too: test the location first.

    Args:
        group: Values of one group, at least one.
        others: Values of all others, at least one.
    """
    ranks = _doubled_ranks([*group, *others])
    return _tails([abs(rank - len(ranks) - 1) for rank in ranks], len(group))


def overlap(both: int, group: int, chosen: int, total: int) -> float:
    """Return the chance that at least `both` members are common to two groups (Fisher 1935).

    Args:
        both: Number in both groups.
        group: Number in one group.
        chosen: Number in the other group.
        total: Number in all.
    """
    # SciPy's tail of 1 in 20 is 0.05 plus a rounding error, which decides differently on a bound.
    ways = sum(
        math.comb(group, k) * math.comb(total - group, chosen - k)
        for k in range(both, min(group, chosen) + 1)
    )
    return ways / math.comb(total, chosen)


def discoveries(p_values: Sequence[float], rate: float) -> list[bool]:
    """Return which tests count, so that at most a share `rate` of them is expected to be chance.

    Benjamini & Hochberg 1995: the largest k for which the k-th smallest p is at most rate * k / m.
    """
    # SciPy adjusts the probabilities instead, so that rounding decides about one on the bound.
    ordered = sorted(p_values)
    passed = [p for k, p in enumerate(ordered, start=1) if p <= rate * k / len(ordered)]
    return [bool(passed) and p <= passed[-1] for p in p_values]


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Return twice the rank of each value, counted from 1; equal values share their mean rank."""
    from scipy.stats import rankdata  # noqa: PLC0415 - slow to import

    return [int(2.0 * rank) for rank in rankdata(values)]


def _tails(scores: Sequence[int], count: int) -> Tails:
    """Return the tails of the sum of the first `count` scores among all sums of `count` scores."""
    total = sum(scores[:count])
    if len(scores) <= EXACT:
        ways = _ways(scores, count)
        drawn = math.comb(len(scores), count)
        return Tails(low=sum(ways[: total + 1]) / drawn, high=sum(ways[total:]) / drawn)
    return _normal_tails(scores, count, total)


def _ways(scores: Sequence[int], count: int) -> list[int]:
    """Return the number of draws of `count` scores with each sum, from 0 on.

    These are the coefficients of a generating function, the product of 1 + y x^score, kept as the
    digits of a long integer; no digit exceeds 2^n, the number of all draws.
    """
    width = len(scores) + 1
    drawn = [1] + [0] * count
    for score in scores:
        for k in range(count, 0, -1):
            drawn[k] += drawn[k - 1] << (score * width)
    digit = (1 << width) - 1
    return [drawn[count] >> (at * width) & digit for at in range(sum(scores) + 1)]


def _normal_tails(scores: Sequence[int], count: int, total: int) -> Tails:
    """Approximate the tails by mean and variance, with a correction for whole ranks."""
    n = len(scores)
    mean = sum(scores) / n
    squares = math.fsum((score - mean) ** 2 for score in scores)
    error = math.sqrt(count * (n - count) * squares / (n * (n - 1)))
    if error == 0.0:
        return Tails(low=1.0, high=1.0)
    normal = NormalDist(mean * count, error)
    return Tails(low=normal.cdf(total + 1.0), high=1.0 - normal.cdf(total - 1.0))
