"""Measurements of a trial between two evaluation points, and the report of them."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tuner.tasks import Evaluation
from tuner.training import device
from tuner.training.update import UpdateResult
from tuner.trial.certificate import Mark
from tuner.trial.records import FixedRows, Report


@dataclass(kw_only=True)
class Measured:
    """Sums over the updates since the previous evaluation point.

    Attributes:
        loss: Plain loss over all targets.
        means: Mean loss of each update.
        norms: Gradient norm of each update that was not skipped.
        examples: Number of training rows.
        targets: Number of targets.
        seconds: Inside updates.
        tokens: Tokens that went through the model, including padding.
        padding: Number of padding tokens among them.
        marks: Marks of the certificate.
    """

    loss: float = 0.0
    means: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    examples: int = 0
    targets: int = 0
    seconds: float = 0.0
    tokens: int = 0
    padding: int = 0
    marks: list[Mark] = field(default_factory=list)

    def mark(self, update: int, weights: str) -> None:
        """Add a mark after an update, the last that was added.

        Args:
            update: Number of the update.
            weights: Hash of the weights.
        """
        self.marks.append(Mark(update=update, loss=self.means[-1], weights=weights))

    def add(self, results: Sequence[UpdateResult], seconds: float) -> None:
        """Counts some updates, and the seconds that they took together."""
        self.seconds += seconds
        for result in results:
            self.loss += result.loss_sum
            self.means.append(result.loss_sum / result.targets)
            self.targets += result.targets
            self.examples += result.examples
            self.tokens += result.tokens
            self.padding += result.padding
            if not result.skipped:
                self.norms.append(result.grad_norm)

    def report(self, evaluation: Evaluation, fixed: Evaluation, **fields: Any) -> Report:
        """The report of a point.

        Args:
            evaluation: Evaluation on all rows of this point.
            fixed: Evaluation on the rows that every point evaluates.
            **fields: What only the trial knows.
        """
        return Report(
            train_loss=self.loss / self.targets,
            train_loss_std=statistics.pstdev(self.means),
            train_loss_max=max(self.means),
            grad_norm=math.fsum(self.norms) / len(self.norms) if self.norms else 0.0,
            val_loss=evaluation.loss,
            metrics={f"val_{name}": value for name, value in evaluation.scores.items()},
            errors={f"val_{name}": error for name, error in evaluation.errors.items()},
            majority_share=evaluation.majority_share,
            validation_examples=evaluation.examples,
            fixed=FixedRows(
                examples=fixed.examples,
                loss=fixed.loss,
                loss_error=fixed.loss_error,
                score=next(iter(fixed.scores.values())),
                association=fixed.association,
                majority_share=fixed.majority_share,
                error_within_strata=fixed.error_within_strata,
            ),
            examples_per_second=self.examples / self.seconds,
            padding_fraction=self.padding / self.tokens,
            peak_memory_bytes=device.peak_memory_bytes(),
            seconds_training=self.seconds,
            confusion=evaluation.confusion if fields["final"] else None,
            by_class=evaluation.by_class if fields["final"] else None,
            marks=self._marks(evaluation.loss),
            **fields,
        )

    def _marks(self, val_loss: float) -> tuple[Mark, ...]:
        """The marks, the last one with the validation loss of the point."""
        if not self.marks:
            return ()
        *earlier, last = self.marks
        return (*earlier, replace(last, val_loss=val_loss))
