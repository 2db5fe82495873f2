"""Training loss of a regression."""

from typing import Any

import tensorflow as tf

from tuner.tasks.records import LossOptions


class SquaredError:
    """Squared error of one output, as `MSELoss` of PyTorch has it; rows with NaN count nothing."""

    def reset(self, options: LossOptions) -> None:
        """Start a trial; there are no options."""

    def total_weight(self, targets: Any) -> float:
        """Return the number of rows."""
        return float(len(targets))

    def sums(self, outputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the sum of squared errors, twice; see `tuner.tasks.task.Loss`."""
        counted = tf.math.is_finite(targets)
        # NaN would reach the gradient even where it is not chosen.
        errors = outputs[:, 0] - tf.where(counted, targets, 0.0)
        total = tf.reduce_sum(tf.where(counted, tf.square(errors), 0.0))
        return total, total
