"""How far the noise of a finite validation set alone explains the ranking."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tuner.search.ranking import is_usable, ranked
from tuner.settings.objectives import Direction, range_of
from tuner.trial.metrics import Confusion, accuracy
from tuner.trial.records import Report, TrialOutcome

CRITICAL = 1.96
"""Bound of a standard normal statistic that chance passes in one of twenty cases."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Which completed trials the validation rows cannot tell from the best."""

    examples: int
    """Validation rows that the scores are of."""
    error: float
    """Standard error of the best trial's score, as a measure of its true one."""
    margin: float
    """Difference below which two trials are not told apart."""
    tied: int
    """Completed trials within the margin of the best, the best one included."""
    completed: int
    """Completed trials."""
    lead: float | None
    """How far the next best is behind; None without one."""

    @property
    def explains_all(self) -> bool:
        """Whether no completed trial is shown to be worse than another."""
        return self.tied == self.completed


def noise(outcomes: Sequence[TrialOutcome], objective: str, direction: Direction) -> Noise | None:
    """Compares the best completed trial with the others.

    Two scores are told apart when they differ by more than 1.96 sqrt(2) standard errors, as of
    two independent samples. All trials meet the same rows, so their true noise against one
    another is smaller: the test says "different" too seldom rather than too often. It knows
    nothing of the noise of training itself; that takes repeats with other seeds.

    Returns:
        None where no trial is usable or the objective's error is not known.
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
    """Standard error of a final score over the drawing of its validation rows.

    Accuracy: binomial, with two rows right and two wrong added, so that a perfect score on few
    rows has an error too (Agresti & Coull 1998). Macro-F1 and Matthews correlation: the delta
    method on the confusion matrix as a multinomial sample (Takahashi et al. 2022). Validation
    loss: that of the fixed rows, scaled to all.

    Args:
        report: The final one.
        objective: Metric name.

    Returns:
        In the metric's unit; None where it is not known.
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
    """Standard error of a score over the drawing of its rows; see `standard_error`.

    Args:
        confusion: Counts by true label (rows) and predicted one (columns); one row at least.
        metric: `accuracy`, `macro_f1` or `mcc`.
    """
    binomial = _binomial(accuracy(confusion), sum(map(sum, confusion)))
    if metric == "accuracy":
        return binomial
    slopes = _f1_slopes if metric == "macro_f1" else _mcc_slopes
    # Where all rows are right the linear term vanishes; accuracy's error is of the same size.
    return _delta(confusion, list(slopes(confusion))) or binomial


def _binomial(share: float, examples: int) -> float:
    adjusted = (share * examples + 2.0) / (examples + 4.0)
    return math.sqrt(adjusted * (1.0 - adjusted) / (examples + 4.0))


def _delta(confusion: Confusion, slopes: Sequence[float]) -> float:
    """Standard error of a function of the cells' shares, from its slopes row by row."""
    counts = [count for row in confusion for count in row]
    total = sum(counts)
    if not slopes or not total:
        return 0.0
    mean = math.fsum(n * g for n, g in zip(counts, slopes, strict=True)) / total
    squares = math.fsum(n * (g - mean) ** 2 for n, g in zip(counts, slopes, strict=True))
    return math.sqrt(squares) / total


def _f1_slopes(confusion: Confusion) -> Iterator[float]:
    """Change of macro-F1 with the share of each cell."""
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
    """Change of the Matthews correlation with the share of each cell; nothing if undefined."""
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
