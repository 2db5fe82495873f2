"""Check that a trial can still end within the time that a scheduler gave this agent."""

from collections.abc import Callable, Iterable

from tuner.trial.records import TrialOutcome, TrialState

MARGIN = 1.1
"""A trial takes up to so many times as long as the longest before it."""


def longest(outcomes: Iterable[TrialOutcome]) -> float | None:
    """Seconds of the longest completed trial; None without one."""
    complete = (o.seconds for o in outcomes if o.state is TrialState.COMPLETE)
    return max(complete, default=None)


def fits(left: float, whole: float, longest: float | None) -> bool:
    """Return True if a trial may begin.

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


class Allocation:
    """The time that a scheduler gave this agent; endless where none did.

    Attributes:
        is_short: True once no further trial fits into what is left.
    """

    def __init__(
        self, seconds: float | None, longest: float | None, clock: Callable[[], float]
    ) -> None:
        """Begin now.

        Args:
            seconds: Until it ends; None: it does not.
            longest: Seconds of the longest trial that was completed; None: none was yet.
            clock: Seconds, monotonic.
        """
        self._whole = seconds
        self._longest = longest
        self._clock = clock
        self._ends = None if seconds is None else clock() + seconds
        self.is_short = False

    @property
    def left(self) -> float | None:
        """Seconds until it ends; None where it does not."""
        return None if self._ends is None else max(0.0, self._ends - self._clock())

    def has_room(self) -> bool:
        """Return whether another trial may begin; once it is too short it stays so."""
        if self._whole is not None and self.left is not None and not self.is_short:
            self.is_short = not fits(self.left, self._whole, self._longest)
        return not self.is_short

    def note(self, outcome: TrialOutcome) -> None:
        """Take in how long a trial took."""
        if outcome.state is TrialState.COMPLETE:
            self._longest = max(self._longest or 0.0, outcome.seconds)
