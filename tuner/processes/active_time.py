"""Time in which this process ran, as silence and patience are counted."""

from collections.abc import Callable


class ActiveTime:
    """A clock that a suspension of this process moves by one step at most.

    Ctrl-Z, `docker pause`, `scontrol suspend` and a stopped virtual machine suspend a process
    while the monotonic clock runs on. Whoever counts another's silence with that clock takes its
    own for it. Read at least once per step, this clock counts all time; a longer gap between two
    readings is a suspension, or a call that blocked, in which nobody was listened to either.
    """

    def __init__(self, clock: Callable[[], float], longest_step: float) -> None:
        """Begin at 0.

        Args:
            clock: Seconds, monotonic.
            longest_step: Seconds that count of the time between two readings.
        """
        self._clock = clock
        self._longest_step = longest_step
        self._read_at = clock()
        self._active = 0.0

    def __call__(self) -> float:
        """Return the seconds of active time so far."""
        now = self._clock()
        self._active += min(now - self._read_at, self._longest_step)
        self._read_at = now
        return self._active


def step_of(timeout: float | None, longest: float) -> float:
    """Return a step with which one suspension uses up a quarter of a timeout at most.

    Args:
        timeout: Seconds; None: there is none.
        longest: Seconds of a step where the timeout allows it.
    """
    return longest if timeout is None else min(longest, timeout / 4)
