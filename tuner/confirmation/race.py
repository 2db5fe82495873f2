"""Race between configurations: those that can no longer win get no more seeds."""

from statistics import fmean

from tuner.confirmation.estimate import Estimate, Scores, difference

PAIRS = 2
"""Number of seeds common with the leader before a configuration may be dropped."""

CONFIDENCE = 0.99
"""Confidence of a difference's interval; it is strict because it is tested after every seed.

In simulated races of three configurations over five seeds, one of them better than the others by
half a standard deviation, the best is lost in less than 2 %
(tests/confirmation/test_confirmation.py).
"""


def beaten_by(scores: Scores, number: int) -> tuple[int, Estimate] | None:
    """Return the leader if it is shown to be better than a configuration; else None.

    A race as in Maron & Moore (1994), with the paired comparison of Birattari et al. (2002): a
    configuration that is behind the leader by more than the margin is dropped.

    Args:
        scores: Trial to seed to the objective of the repeats so far; larger is better.
        number: Number of the configuration's trial.

    Returns:
        The leader and by how much it is better; None if the configuration may still win.
    """
    means = {each: fmean(found.values()) for each, found in scores.items() if len(found) >= PAIRS}
    leader = max(means, key=lambda each: means[each], default=number)
    if leader == number or len(scores.get(number, {}).keys() & scores[leader].keys()) < PAIRS:
        return None
    behind = difference(scores, leader, number, CONFIDENCE)
    if behind is None or behind.mean <= 0 or not behind.excludes_zero:
        return None
    return leader, behind
