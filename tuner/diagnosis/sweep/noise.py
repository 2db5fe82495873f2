"""Noise of a finite validation set, and the trials that it cannot distinguish."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tuner.search.ranking import is_usable, ranked
from tuner.settings.objectives import Direction, range_of
from tuner.trial.metrics import Confusion, accuracy
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


def noise(outcomes: Sequence[TrialOutcome], objective: str, direction: Direction) -> Noise | None:
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
        for outcome in ranked(outcomes, direction)
        if is_usable(outcome) and outcome.value is not None and math.isfinite(outcome.value)
    ]
    if not values or values[0][1].last is None:
        return None
    best, last = values[0][0], values[0][1].last
    error = standard_error(last, objective)
    if error is None:
        return None
    behind = [abs(best - value) for value, _ in values]
    margin = range_of(objective).of_difference().clip(CRITICAL * math.sqrt(2.0) * error)
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

    For accuracy it is binomial, with two correct and two wrong rows added, so that a perfect score
    on few rows has an error, too (Agresti & Coull 1998). For macro-F1 and Matthews correlation it
    is the delta method on the confusion matrix as a multinomial sample (Takahashi et al. 2022).
    For the validation loss it is that of the fixed rows, scaled to all rows.

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
    if objective not in ("val_accuracy", "val_macro_f1", "val_mcc"):
        return None
    if objective == "val_accuracy":
        share = report.metrics.get(objective, math.nan)
        return _binomial(share, examples) if 0.0 <= share <= 1.0 else None
    if report.confusion is None:
        return None
    return confusion_error(report.confusion, objective.removeprefix("val_"))


def confusion_error(confusion: Confusion, metric: str) -> float:
    """Return the standard error of a score over the drawing of its rows; see `standard_error`.

    Args:
        confusion: Counts by true label (rows) and predicted label (columns); at least one row.
        metric: `accuracy`, `macro_f1` or `mcc`.
    """
    binomial = _binomial(accuracy(confusion), sum(map(sum, confusion)))
    if metric == "accuracy":
        return binomial
    slopes = _f1_slopes if metric == "macro_f1" else _mcc_slopes
    # If all rows are correct the linear term vanishes; accuracy's error has the same size.
    return _delta(confusion, list(slopes(confusion))) or binomial


def _binomial(share: float, examples: int) -> float:
    adjusted = (share * examples + 2.0) / (examples + 4.0)
    return math.sqrt(adjusted * (1.0 - adjusted) / (examples + 4.0))


def _delta(confusion: Confusion, slopes: Sequence[float]) -> float:
    """Return the standard error of a function of the cells' shares, from its slopes by row."""
    counts = [count for row in confusion for count in row]
    total = sum(counts)
    if not slopes or not total:
        return 0.0
    mean = math.fsum(n * g for n, g in zip(counts, slopes, strict=True)) / total
    squares = math.fsum(n * (g - mean) ** 2 for n, g in zip(counts, slopes, strict=True))
    return math.sqrt(squares) / total


def _f1_slopes(confusion: Confusion) -> Iterator[float]:
    """Yield the change of macro-F1 with the share of each cell."""
    total = sum(map(sum, confusion))
    columns = [sum(column) for column in zip(*confusion, strict=True)]
    met = [
        (sum(row) + column) / max(1, total) for row, column in zip(confusion, columns, strict=True)
    ]
    f1 = [
        2.0 * row[label] / total / met[label] if met[label] else 0.0
        for label, row in enumerate(confusion)
    ]
    labels = max(1, sum(share > 0 for share in met))
    for i, row in enumerate(confusion):
        for j, _ in enumerate(row):
            right = 2.0 / met[i] if i == j and met[i] else 0.0
            lost = sum(f1[k] / met[k] for k in (i, j) if met[k])
            yield (right - lost) / labels


def _mcc_slopes(confusion: Confusion) -> Iterator[float]:
    """Yield the change of Matthews' correlation with each cell's share, if it is defined."""
    total = max(1, sum(map(sum, confusion)))
    true = [sum(row) / total for row in confusion]
    guessed = [sum(column) / total for column in zip(*confusion, strict=True)]
    right = sum(row[label] for label, row in enumerate(confusion)) / total
    of_true = 1.0 - math.fsum(share * share for share in true)
    of_guessed = 1.0 - math.fsum(share * share for share in guessed)
    if min(of_true, of_guessed) <= 1e-12:  # noqa: PLR2004  (all of one label, but for rounding)
        return
    covariance = right - math.fsum(t * g for t, g in zip(true, guessed, strict=True))
    scale = math.sqrt(of_true * of_guessed)
    for i, row in enumerate(confusion):
        for j, _ in enumerate(row):
            rise = (i == j) + right - guessed[i] - true[j]
            widening = (1.0 - true[i]) / of_true + (1.0 - guessed[j]) / of_guessed
            yield rise / scale - covariance / scale * widening
