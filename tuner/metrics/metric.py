"""A metric: a user's function of targets and predictions, with its name and direction."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from tuner import tasks
from tuner.errors import InputError
from tuner.fields.intervals import Range
from tuner.tasks import Direction, Score

RESAMPLES = 100
"""Draws of the rows from which a standard error is estimated."""

RESERVED = frozenset({"loss", "examples"})
"""Names that reports and test scores have beside the scores of a task."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric; calling it calls its function."""

    name: str
    """Name; in reports `val_NAME`."""

    function: Callable[[Any, Any], Any]
    """Function of targets and predictions that returns a number."""

    score: Score
    """Title, direction and range."""

    resamples: int = RESAMPLES
    """Draws of the rows for the standard error; 0: it stays unknown."""

    def __call__(self, targets: Any, predictions: Any) -> Any:
        """Return the function's value."""
        return self.function(targets, predictions)


def metric(
    name: str,
    *,
    direction: Direction,
    title: str | None = None,
    low: float | None = None,
    high: float | None = None,
    resamples: int = RESAMPLES,
) -> Callable[[Callable[[Any, Any], Any]], Metric]:
    """Make a metric of a function of targets and predictions.

    `Task.for_metrics` says what both are: for classification label numbers, shape (rows,), and
    probabilities, shape (rows, labels); docs/extending.md has the other tasks.

    Args:
        name: Name, such as `cost`: objectives and constraints call it `val_cost`.
        direction: `minimize` or `maximize`.
        title: Name in texts for people; by default the name.
        low: Least value that it can have; None: there is none.
        high: Largest value that it can have; None: there is none.
        resamples: Draws of the rows, with replacement, from which its standard error is
            estimated; 0 for a slow function whose error may stay unknown.

    Raises:
        InputError: The name or the direction cannot be used.

    Example::

        @tuner.metric("cost", direction="minimize")
        def cost(targets, predictions):
            return COSTS[targets, predictions.argmax(axis=1)].mean()
    """
    taken = {each for kind in tasks.REGISTRY.known() for each in kind.scores} | RESERVED
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in taken:
        reason = "is a score of this project" if name in taken else "is no name of a metric"
        raise InputError(
            f"{name!r} {reason}",
            where="tuner.metric",
            remedy="another name, of small letters, digits and underscores, as 'cost'",
        )
    if direction not in get_args(Direction):
        raise InputError(
            f"direction is {direction!r}",
            where=f"tuner.metric({name!r})",
            remedy=f"one of {', '.join(get_args(Direction))}",
        )
    score = Score(title=title or name, direction=direction, values=Range(low=low, high=high))
    return lambda function: Metric(name=name, function=function, score=score, resamples=resamples)
