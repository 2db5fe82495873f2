"""Measurements of a trial between two evaluation points, and the report of them."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tuner.diagnosis.association import association
from tuner.training import device
from tuner.training.evaluate import Evaluation
from tuner.training.update import UpdateResult
from tuner.trial import metrics
from tuner.trial.records import FixedRows, Report


@dataclass(kw_only=True)
class Measured:
    """Sums over the updates since the previous evaluation point.

    Attributes:
        loss: Plain cross-entropy over all examples, in nats.
        means: Mean loss of each update.
        norms: Gradient norm of each update that was not skipped.
        examples: Number of examples.
        seconds: Inside updates.
        tokens: Tokens that went through the model, including padding.
        padding: Number of padding tokens among them.
    """

    loss: float = 0.0
    means: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    examples: int = 0
    seconds: float = 0.0
    tokens: int = 0
    padding: int = 0

    def add(self, results: Sequence[UpdateResult], seconds: float) -> None:
        """Counts some updates, and the seconds that they took together."""
        self.seconds += seconds
        for result in results:
            self.loss += result.loss_sum
            self.means.append(result.loss_sum / result.examples)
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
        confusion = evaluation.confusion
        return Report(
            train_loss=self.loss / self.examples,
            train_loss_std=statistics.pstdev(self.means),
            train_loss_max=max(self.means),
            grad_norm=math.fsum(self.norms) / len(self.norms) if self.norms else 0.0,
            val_loss=evaluation.loss,
            metrics={
                "val_accuracy": metrics.accuracy(confusion),
                "val_macro_f1": metrics.macro_f1(confusion),
                "val_mcc": metrics.matthews_correlation(confusion),
            },
            majority_share=metrics.majority_share(confusion),
            validation_examples=evaluation.examples,
            fixed=FixedRows(
                examples=fixed.examples,
                loss=fixed.loss,
                loss_error=fixed.loss_error,
                accuracy=metrics.accuracy(fixed.confusion),
                mcc=metrics.matthews_correlation(fixed.confusion),
                majority_share=metrics.majority_share(fixed.confusion),
                association=association(fixed.confusion),
                error_within_labels=fixed.error_within_labels,
            ),
            examples_per_second=self.examples / self.seconds,
            padding_fraction=self.padding / self.tokens,
            peak_memory_bytes=device.peak_memory_bytes(),
            seconds_training=self.seconds,
            confusion=confusion if fields["final"] else None,
            **fields,
        )
