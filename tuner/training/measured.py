"""What a trial measures between two evaluation points, and the report made of it."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

from tuner.core import metrics
from tuner.core.trial import FixedRows, Report
from tuner.training import device
from tuner.training.evaluate import Evaluation
from tuner.training.update import UpdateResult


class Measured:
    """Sums over the updates since the previous evaluation point."""

    def __init__(self) -> None:
        self._loss = 0.0
        self._means: list[float] = []
        self._norms: list[float] = []
        self._examples = 0
        self._seconds = 0.0
        self._tokens = 0
        self._padding = 0

    def add(self, results: Sequence[UpdateResult], seconds: float) -> None:
        """Counts some updates, and the seconds that they took together."""
        self._seconds += seconds
        for result in results:
            self._loss += result.loss_sum
            self._means.append(result.loss_sum / result.examples)
            self._examples += result.examples
            self._tokens += result.tokens
            self._padding += result.padding
            if not result.skipped:
                self._norms.append(result.grad_norm)

    def report(self, evaluation: Evaluation, fixed: Evaluation, **fields: Any) -> Report:
        """The report of a point.

        Args:
            evaluation: Of all rows of this point.
            fixed: Of those that every point evaluates.
            **fields: What only the trial knows.
        """
        confusion = evaluation.confusion
        return Report(
            train_loss=self._loss / self._examples,
            train_loss_std=statistics.pstdev(self._means),
            train_loss_max=max(self._means),
            grad_norm=math.fsum(self._norms) / len(self._norms) if self._norms else 0.0,
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
            ),
            examples_per_second=self._examples / self._seconds,
            padding_fraction=self._padding / self._tokens,
            peak_memory_bytes=device.peak_memory_bytes(),
            seconds_training=self._seconds,
            confusion=confusion if fields["final"] else None,
            **fields,
        )
