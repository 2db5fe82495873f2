"""Plain values that a task measures: the worth of predictions, and of a guess without the text."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, kw_only=True)
class ClassCounts:
    """Counts of a class, such as the entities of one type."""

    right: int
    """Predictions of the class that are right."""

    predicted: int
    """Predictions of the class."""

    true: int
    """True members of the class."""


class Decisions(NamedTuple):
    """Decisions between labels that exclude one another, to which a temperature is fitted."""

    logits: Any
    """Logits of the labels, shape (decisions, labels)."""

    labels: Any
    """Number of the true label, shape (decisions,)."""

    rows: Any
    """Number of the row that each belongs to, shape (decisions,); a row may have several."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Worth of a model's predictions on some rows."""

    examples: int
    """Number of rows."""

    loss: float
    """Mean loss of the rows, in the task's own unit (nats for cross-entropy)."""

    loss_error: float
    """Standard error of the mean loss over the rows; 0 for a single row."""

    error_within_strata: float
    """Standard error of the mean loss over rows drawn stratum by stratum."""

    scores: Mapping[str, float]
    """Scores by the names of `Task.scores`."""

    errors: Mapping[str, float]
    """Standard errors of the scores over the drawing of the rows, where they are known."""

    association: float
    """Evidence that predictions and targets go together: standard normal where they do not."""

    majority_share: float
    """Share of the rows that got the most frequent prediction; 1 where all are alike."""

    confusion: list[list[int]] | None = None
    """Rows true, columns predicted; None where the task has no labels that exclude one another."""

    by_class: Mapping[str, ClassCounts] | None = None
    """Counts by class, for a task whose classes have no confusion matrix; None for others."""

    thresholds: tuple[float, ...] | None = None
    """Probability above which each label is predicted; None where labels exclude one another."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Scores of the best guess that ignores the text."""

    score: float
    """First score of the task."""

    name: str = "accuracy"
    """Name of that score."""

    loss: float
    """Loss of the constant guess on the validation rows, or of a model without any opinion where
    that is less."""

    labels: int | None = None
    """Number of labels that exclude one another; None for other tasks and in old records."""

    trained_loss: float | None = None
    """Loss of the constant guess that this trial's training leads to, on the rows that every
    point evaluates: class weights, oversampling and label smoothing move it. None in old
    records."""

    untrained: float | None = None
    """Loss of a model without any opinion on the training rows; None: that of equal shares of all
    labels."""

    training: float | None = None
    """Loss of the same guess on the training rows, as training draws them; validation rows may
    have other frequencies or another spread. None in old records."""

    hardest: float = 0.0
    """Largest loss of a model without any opinion on one training row; 0 where all rows are alike
    to it, and in old records."""

    @property
    def baseline(self) -> float:
        """Loss of the constant guess that training leads to, which learning has to beat."""
        return self.loss if self.trained_loss is None else self.trained_loss

    @property
    def training_baseline(self) -> float:
        """The same for a training loss."""
        return self.baseline if self.training is None else self.training

    @property
    def untrained_loss(self) -> float:
        """Training loss with which an untrained head begins, or the baseline if that is larger."""
        equal = math.log(self.labels or 2) if self.untrained is None else self.untrained
        return max(self.training_baseline, equal)

    def untrained_over(self, rows: int) -> float:
        """Return the training loss that an untrained head may have over some rows by chance.

        Args:
            rows: Number of rows, 1 or more; the hardest one may be among them.
        """
        return self.untrained_loss + self.hardest / rows


@dataclass(frozen=True, kw_only=True)
class TargetSummary:
    """Targets of a data set as people look at them before the first trial."""

    line: str
    """Line with their figures."""

    warnings: tuple[str, ...] = ()
    """Sentences about what is likely to spoil a fine-tune."""

    train_counts: tuple[int, ...] = ()
    """Training rows of each label; empty for a task without labels."""

    validation_counts: tuple[int, ...] = ()
    """Validation rows of each label."""


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """Training options of a loss; a task that knows no labels has none of them."""

    label_smoothing: float = 0.0
    """Share of the target that is spread evenly over all labels."""

    label_weights: tuple[float, ...] | None = None
    """Weight of each label; None: all alike."""


PLAIN = LossOptions()
