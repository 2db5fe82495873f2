"""The right one of several choices."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tuner.errors import InputError
from tuner.tasks.alignment import Aligned
from tuner.tasks.association import bounded
from tuner.tasks.cells import Column, shortened
from tuner.tasks.choices import read_right, refuse_twins, refuse_unusable
from tuner.tasks.confusion import beyond_share, binomial_error
from tuner.tasks.kinds import Form, HeadKind
from tuner.tasks.records import Baseline, Decisions, Evaluation, TargetSummary
from tuner.tasks.score import Score
from tuner.tasks.task import Array, Loss, TargetSpec, Task, counts_text

RightChoice = tuple[int, int]
"""Target of a row: number of the right choice, from 0, and number of choices."""

_FLAT = 1e-6
"""Difference of the scores of a row's choices below which a model prefers none."""


@dataclass(frozen=True, kw_only=True)
class MultipleChoice(Task):
    """The right one of several choices for each text."""

    name: ClassVar[str] = "multiple_choice"
    usual: ClassVar[str | None] = (
        "Usual: training.epochs=3, training.batch_size=16, optimizer.learning_rate=2e-5 (Devlin "
        "2019, section 4.4), or 5e-5 (example of run_swag in transformers)."
    )
    form: ClassVar[Form] = Form.CHOICES
    head: ClassVar[HeadKind] = HeadKind.CHOICE
    output_function: ClassVar[str] = "softmax"
    trainer_remedy: ClassVar[str | None] = (
        "AutoModelForMultipleChoice, each row as one input for each choice"
    )
    predicts: ClassVar = {
        "choice": str, "index": int, "probability": float, "probabilities": {str: float},
    }  # fmt: skip
    scores: ClassVar = {"accuracy": Score(title="accuracy")}

    def target_spec(self, outputs: int) -> TargetSpec:
        """Return the number of the right choice; a row has an input for each choice."""
        return TargetSpec(inputs=outputs)

    def read(self, column: Column) -> tuple[RightChoice, ...]:
        """Return the right choice of each row."""
        choices = column.pairs or ()
        where = f"data.choices, {column.where}"
        refuse_unusable(choices, column.rows, where)
        right = read_right(column, choices)
        refuse_twins(choices, right, column.rows, where)
        return tuple((number, len(row)) for number, row in zip(right, choices, strict=True))

    def names(
        self, targets: Sequence[Any], where: str, *, classes: bool = False
    ) -> tuple[str, ...]:
        """Return the numbers of the choices."""
        del where, classes
        return tuple(map(str, range(targets[0][1])))

    def known(self, targets: Sequence[Any], names: Sequence[str], where: str) -> tuple[Any, ...]:
        """Return the targets as they are."""
        found = targets[0][1]
        if found != len(names):
            raise InputError(
                f"rows have {found} choices, the training rows {len(names)}",
                where=f"data.choices, in {where}",
                remedy=f"rows of {len(names)} choices",
            )
        return tuple(targets)

    def strata(self, targets: Any) -> Any:
        """Return the number of each row's right choice."""
        return [number for number, _ in targets]

    def encode(self, targets: Sequence[Any], names: Sequence[str]) -> Array:
        """Return the index of the right choice, int32 of shape (rows,)."""
        import numpy as np

        del names
        return np.fromiter((number for number, _ in targets), np.int32, len(targets))

    def describe(
        self, train: Sequence[Any], validation: Sequence[Any], names: Sequence[str]
    ) -> TargetSummary:
        """Return how often each position is right."""
        del validation
        counts = [0] * len(names)
        for number, _ in train:
            counts[number] += 1
        shown = [f"{name} {count}" for name, count in zip(names, counts, strict=True)]
        line = f"{len(names)} choices a row; the right one is number {shortened(shown, 8)}"
        return TargetSummary(line=line)

    def make_loss(self, outputs: int) -> Loss:
        """Return the cross-entropy over the choices."""
        from tuner.tasks.choice_cross_entropy import ChoiceCrossEntropy

        return ChoiceCrossEntropy(outputs)

    def evaluate(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> Evaluation:
        """Return cross-entropy and accuracy."""
        import numpy as np

        from tuner.tasks.row_losses import cross_entropy, mean_with_errors

        del thresholds
        rows, right = len(targets), self.encode(targets.targets, ())
        scores = outputs.reshape(rows, -1)
        loss, error, within = mean_with_errors(cross_entropy(scores, right), right)
        found = scores.argmax(axis=1)
        accuracy = float(np.mean(found == right))
        return Evaluation(
            examples=rows,
            loss=loss,
            loss_error=error,
            error_within_strata=within,
            scores={"accuracy": accuracy},
            errors={"accuracy": binomial_error(accuracy, rows)},
            association=_beyond_chance(scores, right),
            # Positions say nothing about a model that does not see them.
            majority_share=max(float(np.mean(np.ptp(scores, axis=1) < _FLAT)), 1.0 / rows),
        )

    def for_metrics(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> tuple[Array, Array]:
        """Return right indices, shape (rows,), and probabilities, shape (rows, choices)."""
        from tuner.tasks.row_losses import softmax

        del thresholds
        right = self.encode(targets.targets, ())
        return right, softmax(outputs.reshape(len(right), -1))

    def decisions(self, outputs: Array, targets: Array) -> Decisions:
        """Return one decision a row, between its choices."""
        right = self.encode(targets.targets, ())
        return Decisions(outputs.reshape(len(targets), -1), right, range(len(right)))

    def baseline(self, train: Array, validation: Array, outputs: int) -> Baseline:
        """Return the accuracy of the most frequent position, and the loss of equal shares.

        A model does not see the positions, so that it cannot learn their shares. Where one
        position is always right, as in files that begin with the right choice, it says nothing.
        """
        import numpy as np

        right = self.encode(validation.targets, ())
        counts = np.bincount(train, minlength=outputs)
        is_constant = np.count_nonzero(counts) == 1
        equal = math.log(outputs)
        return Baseline(
            score=1.0 / outputs if is_constant else float(np.mean(right == counts.argmax())),
            loss=equal,
            training=equal,
            untrained=equal,
        )

    def predictions(
        self,
        outputs: Array,
        names: Sequence[str],
        thresholds: Sequence[float] | None = None,
        aligned: Aligned | None = None,
    ) -> list[dict[str, Any]]:
        """Return `choice`, its `index` and `probability`, and `probabilities` by index.

        `choice` is the text of the choice. Rows may have other numbers of choices than training.
        """
        import numpy as np

        from tuner.tasks.row_losses import softmax

        del names, thresholds
        if aligned is None or aligned.pairs is None:
            raise ValueError("a text has no choices")
        found = []
        scores = np.split(outputs[:, 0], aligned.inputs[1:-1])
        for texts, row in zip(aligned.pairs, scores, strict=True):
            shares = softmax(row[None])[0].tolist()
            index = int(row.argmax())
            found.append(
                {
                    "choice": texts[index],
                    "index": index,
                    "probability": shares[index],
                    "probabilities": {str(number): share for number, share in enumerate(shares)},
                }
            )
        return found

    def shown(self, prediction: Mapping[str, Any]) -> str:
        """Return number and text of the choice."""
        return f"{prediction['index']} {prediction['choice']}"

    def written(self, prediction: Mapping[str, Any]) -> str:
        """Return the text of the choice."""
        return str(prediction["choice"])

    def summary(self, predictions: Sequence[Mapping[str, Any]]) -> str:
        """Return how often each number is met."""
        return counts_text(str(each["index"]) for each in predictions)

    def shown_target(self, target: Any) -> str:
        """Return the number of the right choice."""
        return str(target[0])

    def beyond_baseline(self, score: float, baseline: Baseline, examples: int) -> float:
        """Return by how many binomial standard errors an accuracy beats the baseline's."""
        return beyond_share(score, baseline.score, examples)


def _beyond_chance(scores: Array, right: Array) -> float:
    """Return the evidence that right choices have the largest scores.

    A model sees a choice without its position, so that one that knows nothing is right in one of
    n rows of n choices. Choices with equal scores share their place.
    """
    import numpy as np

    rows, choices = scores.shape
    best = scores == scores.max(axis=1, keepdims=True)
    hits = (best[np.arange(rows), right] / np.maximum(best.sum(axis=1), 1)).sum()
    chance = 1.0 / choices
    deviation = math.sqrt(rows * chance * (1.0 - chance))
    beyond = hits - rows * chance
    return bounded(math.copysign(max(0.0, abs(beyond) - 0.5), beyond) / deviation)
