"""Noise of a finite validation set, and the trials that it cannot distinguish."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.search.goals import Goals
from tuner.search.ranking import is_usable, ranked
from tuner.trial.records import Report, TrialOutcome

CRITICAL = 1.96
"""Bound of a standard normal statistic that chance exceeds in one of twenty cases."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Completed trials that the validation rows cannot distinguish from the best."""

    examples: int
    """Number of validation rows."""
    error: float
    """Standard error of the best trial's score."""
    margin: float
    """Difference below which two trials cannot be distinguished."""
    tied: int
    """Number of completed trials within the margin of the best, itself included."""
    completed: int
    """Number of completed trials."""
    lead: float | None
    """Distance of the second best; None if there is none."""

    @property
    def explains_all(self) -> bool:
        """True if no completed trial is shown to be worse than another."""
        return self.tied == self.completed


def noise(outcomes: Sequence[TrialOutcome], goals: Goals) -> Noise | None:
    """Compare the best completed trial with the others.

    Two scores are distinguished if they differ by more than 1.96 sqrt(2) standard errors, as those
    of two independent samples. All trials use the same rows, so their true noise relative to one
    another is smaller: the test says "different" too seldom rather than too often. It does not
    include the noise of training itself; that takes repeats with other seeds.

    Returns:
        None if no trial is usable, or the objective's error is unknown.
    """
    values = [
        (outcome.value, outcome)
        for outcome in ranked(outcomes, goals.direction)
        if is_usable(outcome) and outcome.value is not None and math.isfinite(outcome.value)
    ]
    if not values or values[0][1].last is None:
        return None
    best, last = values[0][0], values[0][1].last
    error = standard_error(last, goals.objective)
    if error is None:
        return None
    behind = [abs(best - value) for value, _ in values]
    margin = goals.range.of_difference().clip(CRITICAL * math.sqrt(2.0) * error)
    return Noise(
        examples=last.validation_examples,
        error=error,
        margin=margin,
        tied=sum(gap <= margin for gap in behind),
        completed=len(values),
        lead=behind[1] if len(behind) > 1 else None,
    )


def standard_error(report: Report, objective: str) -> float | None:
    """Return the standard error of a final score over the drawing of its validation rows.

    The error of the validation loss is that of the fixed rows, scaled to all.

    Args:
        report: Final report of a trial.
        objective: Name of the metric.

    Returns:
        Error in the metric's unit; None if it is unknown.
    """
    examples = report.validation_examples
    if examples < 1:
        return None
    if objective == "val_loss":
        fixed = report.fixed
        return fixed.loss_error * math.sqrt(max(0, fixed.examples) / examples)
    return report.errors.get(objective)
