"""Which configurations can no longer win, so that no more seeds are spent on them."""

from statistics import fmean

from tuner.confirmation.estimate import Estimate, Scores, difference

PAIRS = 2
"""Seeds that a configuration and the leader must have in common before it may be left out."""

CONFIDENCE = 0.99
"""Of the interval of a difference: it is looked at after every seed, so one look has to be strict.

In simulated races of three configurations over five seeds, one of them better than the others by
half a standard deviation, the best is lost in less than 2 %
(tests/confirmation/test_confirmation.py).
"""


def beaten(scores: Scores, number: int) -> tuple[int, Estimate] | None:
    """Whether a configuration is shown to be worse than the one that leads.

    A race as that of Maron & Moore (1994) with the paired comparison of Birattari et al. (2002):
    what falls behind the leader by more than the margin of the difference is out.

    Args:
        scores: Trial to seed to the objective, of the repeats so far; larger is better.
        number: Of the trial whose configuration is asked about.

    Returns:
        The leader and by how much it is better; None where the configuration may still win.
    """
    means = {each: fmean(found.values()) for each, found in scores.items() if len(found) >= PAIRS}
    leader = max(means, key=lambda each: means[each], default=number)
    if leader == number or len(scores.get(number, {}).keys() & scores[leader].keys()) < PAIRS:
        return None
    behind = difference(scores, leader, number, CONFIDENCE)
    if behind is None or behind.mean <= 0 or not behind.excludes_zero:
        return None
    return leader, behind
