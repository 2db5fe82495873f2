"""Whether a trial can still end inside the time that a scheduler has given this agent."""

from collections.abc import Iterable

from tuner.trial.records import TrialOutcome, TrialState

MARGIN = 1.1
"""A trial takes up to so many times as long as the longest before it."""


def longest(outcomes: Iterable[TrialOutcome]) -> float | None:
    """Seconds of the longest completed trial; None without one."""
    complete = (o.seconds for o in outcomes if o.state is TrialState.COMPLETE)
    return max(complete, default=None)


def fits(left: float, whole: float, longest: float | None) -> bool:
    """Whether a trial may begin.

    Args:
        left: Seconds until the allocation ends.
        whole: Seconds that were left when this agent began.
        longest: Seconds of the longest trial that was completed; None: none was yet.

    Returns:
        True also for trials that no allocation of this length could hold: begun at all, they go on
        from their saved state in the next one.
    """
    if longest is None or MARGIN * longest > whole:
        return left > 0.0
    return MARGIN * longest <= left
