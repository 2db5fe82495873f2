"""Any number of labels for each text or pair of texts."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Annotated, Any, ClassVar

from tuner.errors import InputError
from tuner.fields.bounds import SHARE as FROM_0_TO_1
from tuner.fields.findings import Finding
from tuner.tasks.alignment import Aligned
from tuner.tasks.cells import Column, as_text, is_blank, is_missing
from tuner.tasks.label_counts import label_summary
from tuner.tasks.labels import by_value, known_labels, label_names
from tuner.tasks.records import Baseline, Decisions, Evaluation, TargetSummary
from tuner.tasks.score import Score
from tuner.tasks.task import Array, Loss, TargetSpec, Task, counts_text

HALF = 0.5
"""Probability above which a label is predicted where no rows have chosen another."""


@dataclass(frozen=True, kw_only=True)
class Multilabel(Task):
    """Labels that do not exclude one another: none, one or several for each text."""

    name: ClassVar[str] = "multilabel"
    usual: ClassVar[str | None] = (
        "Usual: training.epochs=4, training.batch_size=16, optimizer.learning_rate=5e-5 (Demszky "
        "2020, section 5.2); 1e-4 to 3e-4 for small encoders (Turc 2019)."
    )
    problem_type: ClassVar[str] = "multi_label_classification"
    output_function: ClassVar[str] = "sigmoid"
    trainer_remedy: ClassVar[str | None] = (
        "problem_type='multi_label_classification' of the model, labels as floats 0 and 1, and "
        "the thresholds of model_inputs.json"
    )
    several_labels: ClassVar[bool] = True
    predicts: ClassVar = {"labels": [str], "probabilities": {str: float}}
    scores: ClassVar = {
        "micro_f1": Score(title="micro-F1"),
        "macro_f1": Score(title="macro-F1"),
        "average_precision": Score(title="average precision"),
        "subset_accuracy": Score(title="subset accuracy"),
    }

    threshold: Annotated[float, FROM_0_TO_1] = 0.0
    """Probability above which a label is predicted; 0: chosen on the validation rows, for the
    largest micro-F1, and exported with the model."""

    threshold_per_label: bool = False
    """Choose a threshold for each label, for its largest F1; needs `threshold: 0`."""

    def findings(self) -> Iterator[Finding]:
        """Yield a threshold that leaves nothing to choose for each label."""
        if self.threshold and self.threshold_per_label:
            remedy = "task.threshold=0, or task.threshold_per_label=false"
            yield Finding(key="task.threshold", value=self.threshold, remedy=remedy)

    def read(self, column: Column) -> tuple[tuple[str, ...], ...]:
        """Return the labels of each row, each once, in alphabetical order."""
        rows = [_labels(column, index) for index in range(len(column.cells))]
        cells = [label for row in rows for label in row]
        where = f"{column.key}, {column.where}"
        labels = iter(by_value([as_text(cell, where) for cell in cells], cells))
        return tuple(tuple(sorted({next(labels) for _ in row})) for row in rows)

    def names(
        self, targets: Sequence[Any], where: str, *, classes: bool = False
    ) -> tuple[str, ...]:
        """Return the label names in the order of their numbers."""
        labels = [label for row in targets for label in row]
        if not labels:
            raise InputError(
                "no row has a label",
                where=f"data.label, in {where}",
                remedy="data.label=COLUMN with labels",
            )
        if all(len(row) == 1 for row in targets):
            raise InputError(
                "every row has exactly one label",
                where=f"data.label, in {where}",
                remedy="task=classification; or data.label_separator=CHARACTER where one stands "
                "between the labels of a row",
            )
        return label_names(labels, where, classes=classes)

    def known(self, targets: Sequence[Any], names: Sequence[str], where: str) -> tuple[Any, ...]:
        """Return labels as the label names spell them."""
        return tuple(known_labels(row, names, where) for row in targets)

    def strata(self, targets: Any) -> Any:
        """Return the rarest label of each row; -1 or an empty text for rows without one."""
        if isinstance(targets, tuple | list):
            counts = Counter(label for row in targets for label in row)
            return [
                min(row, key=lambda label: (counts[label], label), default="") for row in targets
            ]
        import numpy as np

        rare = np.where(targets > 0.0, targets.sum(axis=0), np.inf)
        return np.where(targets.any(axis=1), rare.argmin(axis=1), -1)

    def describe(
        self, train: Sequence[Any], validation: Sequence[Any], names: Sequence[str]
    ) -> TargetSummary:
        """Return counts of the labels, and of rows without one."""
        found = label_summary(
            [label for row in train for label in row],
            [label for row in validation for label in row],
            names,
        )
        mean = sum(map(len, train)) / len(train)
        none = sum(not row for row in train)
        line = f"{found.line}; {mean:.2f} labels a row, {none} rows without one"
        return replace(found, line=line)

    def target_spec(self, outputs: int) -> TargetSpec:
        """Return a 0 or 1 for each label."""
        return TargetSpec(shape=(outputs,), dtype="float32")

    def encode(self, targets: Sequence[Any], names: Sequence[str]) -> Array:
        """Return 0 or 1 for each label, float32 of shape (rows, labels)."""
        import numpy as np

        number = {name: i for i, name in enumerate(names)}
        out = np.zeros((len(targets), len(names)), np.float32)
        for row, labels in enumerate(targets):
            out[row, [number[label] for label in labels]] = 1.0
        return out

    def make_loss(self, outputs: int) -> Loss:
        """Return the binary cross-entropy, mean over the labels."""
        from tuner.tasks.binary_cross_entropy import BinaryCrossEntropy

        del outputs
        return BinaryCrossEntropy()

    def evaluate(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> Evaluation:
        """Return the binary cross-entropy and the scores of predictions."""
        import numpy as np

        from tuner.tasks import label_sets
        from tuner.tasks.ranking import average_precision
        from tuner.tasks.row_losses import mean_with_errors

        true = targets > HALF
        shares = label_sets.probabilities(outputs)
        limits = self.thresholds(shares, true) if thresholds is None else np.array(thresholds)
        found = shares > limits
        losses = label_sets.binary_cross_entropy(outputs, targets)
        _, strata = np.unique(self.strata(targets), return_inverse=True)
        loss, error, within = mean_with_errors(losses, strata)
        rows = len(true)
        right = float((found == true).all(axis=1).mean())
        counts = np.unique(found, axis=0, return_counts=True)[1]
        micro, micro_error = label_sets.f1(found, true, per_label=False)
        macro, macro_error = label_sets.f1(found, true, per_label=True)
        precision, precision_error = average_precision(shares, true)
        return Evaluation(
            examples=rows,
            loss=loss,
            loss_error=error,
            error_within_strata=within,
            scores={
                "micro_f1": micro,
                "macro_f1": macro,
                "average_precision": precision,
                "subset_accuracy": right,
            },
            errors={
                "micro_f1": micro_error,
                "macro_f1": macro_error,
                "average_precision": precision_error,
                "subset_accuracy": label_sets.share_error(right, rows),
            },
            association=label_sets.association(shares, true),
            majority_share=float(counts.max() / rows),
            thresholds=tuple(np.broadcast_to(limits, outputs.shape[1:]).tolist()),
        )

    def for_metrics(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> tuple[Array, Array]:
        """Return 0 or 1 and the probability of each label, both of shape (rows, labels)."""
        from tuner.tasks import label_sets

        del thresholds
        return targets, label_sets.probabilities(outputs)

    def thresholds(self, shares: Array, true: Array) -> Any:
        """Return the probability above which labels are predicted, one or one per label."""
        from tuner.tasks import label_sets

        if self.threshold:
            return self.threshold
        return label_sets.best_thresholds(shares, true, per_label=self.threshold_per_label)

    def decisions(self, outputs: Array, targets: Array) -> Decisions:
        """Return a decision for each label of each row: without it, or with it."""
        import numpy as np

        with_it = outputs.reshape(-1, 1)
        return Decisions(
            np.hstack([np.zeros_like(with_it), with_it]),
            targets.reshape(-1).astype(int),
            np.repeat(np.arange(len(outputs)), outputs.shape[1]),
        )

    def baseline(self, train: Array, validation: Array, outputs: int) -> Baseline:
        """Return what guessing the same set for every text reaches."""
        import numpy as np

        from tuner.tasks import label_sets

        del outputs
        share = np.asarray(train, np.float64).mean(axis=0)
        guess = label_sets.best_constant(np.asarray(train) > HALF)
        true = np.asarray(validation) > HALF
        clipped = np.clip(share, 1e-12, 1.0 - 1e-12)
        losses = -(true * np.log(clipped) + ~true * np.log1p(-clipped))
        known = -(share * np.log(clipped) + (1.0 - share) * np.log1p(-clipped))
        score, _ = label_sets.f1(np.broadcast_to(guess, true.shape), true, per_label=False)
        return Baseline(
            name="micro_f1",
            score=score,
            loss=float(min(losses.mean(), math.log(2.0))),
            untrained=math.log(2.0),
            training=float(known.mean()),
        )

    def predictions(
        self,
        outputs: Array,
        names: Sequence[str],
        thresholds: Sequence[float] | None = None,
        aligned: Aligned | None = None,
    ) -> list[dict[str, Any]]:
        """Return `labels`, the most probable first, and `probabilities` by label."""
        from tuner.tasks import label_sets

        del aligned
        limits = thresholds or self.usual_thresholds(len(names))
        found = []
        for row in label_sets.probabilities(outputs).tolist():
            over = [
                (share, name)
                for share, name, least in zip(row, names, limits, strict=True)
                if share > least
            ]
            over.sort(key=itemgetter(0), reverse=True)
            labels = [name for _, name in over]
            found.append({"labels": labels, "probabilities": dict(zip(names, row, strict=True))})
        return found

    def shown(self, prediction: Mapping[str, Any]) -> str:
        """Return the labels."""
        return "|".join(prediction["labels"])

    def summary(self, predictions: Sequence[Mapping[str, Any]]) -> str:
        """Return how often each label is predicted."""
        return counts_text(label for row in predictions for label in row["labels"]) or "no label"

    def usual_thresholds(self, outputs: int) -> Sequence[float]:
        """Return the threshold of the settings, or one half."""
        return [self.threshold or HALF] * outputs


def _labels(column: Column, index: int) -> Sequence[str | int | float]:
    """Return the labels of one row as the source has them."""
    cell = column.cells[index]
    if is_missing(cell):
        return ()
    if not isinstance(cell, list | tuple) and not hasattr(cell, "tolist"):
        raise column.refuse(
            f"{cell!r} is no list of labels",
            index,
            "a list in each row (JSON, Parquet, hub); data.label_separator=CHARACTER for texts "
            "such as 'a|b'; data.label_columns=[NAME, ...] for one column of 0 and 1 per label; "
            "or task=classification, where each row has one label",
        )
    if any(is_blank(label) or not isinstance(label, str | int | float) for label in cell):
        raise column.refuse(
            f"{cell!r} has an item that is no label", index, "texts or whole numbers as labels"
        )
    return list(cell)
