"""Expected duration of a trial and of a sweep."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from tuner.trial.budget import EVALUATION_COST, Budget, interim_rows


@dataclass(frozen=True, kw_only=True)
class Running:
    """A trial that runs.

    Attributes:
        seconds: Since it began.
        share: Share of its budget, 0 to 1.
    """

    seconds: float
    share: float


def trial_seconds(
    budget: Budget,
    validation_examples: int,
    evaluation_share: float,
    rate: float,
    rows_each: float = 1.0,
) -> float:
    """Time of a trial that nobody stops, from the speed of its updates.

    Args:
        budget: The trial's.
        validation_examples: Examples of the validation split.
        evaluation_share: `training.evaluation_share`.
        rate: Training rows a second inside updates.
        rows_each: Training rows that each of the validation examples has.
    """
    interim = interim_rows(budget, validation_examples, evaluation_share, rows_each)
    evaluated = rows_each * (interim * (budget.most_evaluations - 1) + validation_examples)
    return (budget.total_examples + EVALUATION_COST * evaluated) / rate


def seconds_left(
    ended: Sequence[float], running: Sequence[Running], waiting: int, slots: int
) -> float | None:
    """Return the time until a sweep ends, if trials keep their average duration.

    Pruned trials count as they are, so that pruning shortens the estimate as it shortens the
    sweep. A trial that runs longer than the average is expected to run to its end.

    Args:
        ended: Seconds that each trial took.
        running: The trials that run.
        waiting: Trials that have not begun.
        slots: Trials at a time.

    Returns:
        Seconds; None if nothing has ended or advanced yet.
    """
    moving = [trial for trial in running if trial.share > 0.0]
    if not ended and not moving:
        return None
    typical = fmean(ended or [trial.seconds / trial.share for trial in moving])
    free = sorted(_rest(trial, typical) for trial in running)
    free = [0.0] * (slots - len(free)) + free
    for _ in range(waiting):
        heapq.heappushpop(free, free[0] + typical)
    return max(free)


def _rest(trial: Running, typical: float) -> float:
    if trial.seconds < typical or trial.share <= 0.0:
        return max(0.0, typical - trial.seconds)
    return trial.seconds * (1.0 - trial.share) / trial.share


_UNITS = (
    (2 * 86_400.0, 86_400.0, ".1f", "days"),
    (5_400.0, 3_600.0, ".1f", "h"),
    (90.0, 60.0, ".0f", "min"),
)
"""From how many seconds on, seconds of one, digits and name of each unit."""


def duration_text(seconds: float) -> str:
    """Return a duration for people: `40 s`, `12 min`, `3.5 h`, `4.1 days`."""
    for least, size, digits, unit in _UNITS:
        if seconds >= least:
            return f"{seconds / size:{digits}} {unit}"
    return f"{seconds:.0f} s"
