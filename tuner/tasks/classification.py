"""One label for each text or pair of texts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from tuner.fields.intervals import Range
from tuner.tasks import confusion as counts
from tuner.tasks.alignment import Aligned
from tuner.tasks.association import association
from tuner.tasks.cells import Column
from tuner.tasks.label_counts import label_summary
from tuner.tasks.labels import are_whole, known_labels, label_names, read_labels
from tuner.tasks.records import Baseline, Decisions, Evaluation, TargetSummary
from tuner.tasks.score import CORRELATION, Score
from tuner.tasks.task import Array, Loss, Task

MANY_NUMBERS = 10
"""More labels than these that are whole numbers may be a quantity."""


@dataclass(frozen=True, kw_only=True)
class Classification(Task):
    """One of several labels for each text or pair of texts."""

    name: ClassVar[str] = "classification"
    usual: ClassVar[str | None] = (
        "Usual: training.epochs=2 to 4, training.batch_size=16 or 32, "
        "optimizer.learning_rate=2e-5 to 5e-5 (Devlin 2019, appendix A.3); 1e-4 to 3e-4 for small "
        "encoders (Turc 2019)."
    )
    problem_type: ClassVar[str] = "single_label_classification"
    output_function: ClassVar[str] = "softmax"
    weighs_labels: ClassVar[bool] = True
    predicts: ClassVar = {"label": str, "probability": float, "probabilities": {str: float}}
    scores: ClassVar = {
        "accuracy": Score(title="accuracy"),
        "macro_f1": Score(title="macro-F1"),
        "mcc": Score(title="MCC", values=CORRELATION),
        "auroc": Score(title="AUROC"),
        "average_precision": Score(title="average precision"),
        "brier": Score(title="Brier score", direction="minimize", values=Range(low=0.0, high=2.0)),
        "ece": Score(title="ECE", direction="minimize"),
    }

    def read(self, column: Column) -> tuple[str, ...]:
        """Return the label of each row."""
        return read_labels(column)

    def names(
        self, targets: Sequence[Any], where: str, *, classes: bool = False
    ) -> tuple[str, ...]:
        """Return the label names in the order of their numbers."""
        return label_names(targets, where, classes=classes)

    def known(self, targets: Sequence[Any], names: Sequence[str], where: str) -> tuple[Any, ...]:
        """Return labels as the label names spell them."""
        return known_labels(targets, names, where)

    def strata(self, targets: Any) -> Any:
        """Return the labels themselves."""
        return targets

    def encode(self, targets: Sequence[Any], names: Sequence[str]) -> Array:
        """Return label numbers, int32 of shape (rows,)."""
        import numpy as np

        number = {name: i for i, name in enumerate(names)}
        return np.fromiter((number[name] for name in targets), np.int32, len(targets))

    def describe(
        self, train: Sequence[Any], validation: Sequence[Any], names: Sequence[str]
    ) -> TargetSummary:
        """Return counts of the labels."""
        summary = label_summary(train, validation, names)
        if len(names) <= MANY_NUMBERS or not are_whole(names):
            return summary
        question = (
            f"{len(names)} labels are whole numbers from {names[0]} to {names[-1]}. "
            "Did you mean task=regression?"
        )
        return replace(summary, warnings=(*summary.warnings, question))

    def make_loss(self, outputs: int) -> Loss:
        """Return the cross-entropy, smoothed and weighted by label."""
        from tuner.tasks.weighted_cross_entropy import WeightedCrossEntropy

        return WeightedCrossEntropy(outputs)

    def evaluate(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> Evaluation:
        """Return cross-entropy, scores and confusion matrix of predictions."""
        import numpy as np

        from tuner.tasks import probability_scores, ranking
        from tuner.tasks.row_losses import cross_entropy, mean_with_errors, softmax

        del thresholds
        labels = outputs.shape[1]
        matrix = np.zeros((labels, labels), np.int64)
        np.add.at(matrix, (targets, outputs.argmax(axis=1)), 1)
        confusion = matrix.tolist()
        loss, error, within = mean_with_errors(cross_entropy(outputs, targets), targets)
        shares, true = softmax(outputs), targets[:, None] == np.arange(labels)
        found = {
            "accuracy": counts.accuracy(confusion),
            "macro_f1": counts.macro_f1(confusion),
            "mcc": counts.matthews_correlation(confusion),
        }
        errors = {name: counts.confusion_error(confusion, name) for name in found}
        for name, score in (
            ("auroc", ranking.auroc),
            ("average_precision", ranking.average_precision),
            ("brier", probability_scores.brier),
            ("ece", probability_scores.calibration_error),
        ):
            found[name], errors[name] = score(shares, true)
        return Evaluation(
            examples=len(targets),
            loss=loss,
            loss_error=error,
            error_within_strata=within,
            scores=found,
            errors=errors,
            association=association(confusion),
            majority_share=counts.majority_share(confusion),
            confusion=confusion,
        )

    def for_metrics(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> tuple[Array, Array]:
        """Return label numbers, shape (rows,), and probabilities, shape (rows, labels)."""
        from tuner.tasks.row_losses import softmax

        del thresholds
        return targets, softmax(outputs)

    def decisions(self, outputs: Array, targets: Array) -> Decisions:
        """Return one decision a row."""
        return Decisions(outputs, targets, range(len(targets)))

    def baseline(self, train: Array, validation: Array, outputs: int) -> Baseline:
        """Return what guessing by the training label frequencies reaches."""
        import numpy as np

        frequency = np.bincount(train, minlength=outputs) / len(train)
        with np.errstate(divide="ignore"):
            losses = -np.log(frequency)
        return Baseline(
            score=float(np.mean(validation == frequency.argmax())),
            # With few training rows the frequencies can be worse than no opinion at all.
            loss=float(min(losses[validation].mean(), np.log(outputs))),
            labels=outputs,
            training=float(losses[train].mean()),
        )

    def predictions(
        self,
        outputs: Array,
        names: Sequence[str],
        thresholds: Sequence[float] | None = None,
        aligned: Aligned | None = None,
    ) -> list[dict[str, Any]]:
        """Return `label`, its `probability`, and `probabilities` by label."""
        from tuner.tasks.row_losses import softmax

        del thresholds, aligned
        return [
            {
                "label": names[row.argmax()],
                "probability": float(row.max()),
                "probabilities": dict(zip(names, row.tolist(), strict=True)),
            }
            for row in softmax(outputs)
        ]

    def beyond_baseline(self, score: float, baseline: Baseline, examples: int) -> float:
        """Return by how many binomial standard errors an accuracy beats the baseline's."""
        return counts.beyond_share(score, baseline.score, examples)
