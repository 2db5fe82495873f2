"""Training loss of labels that do not exclude one another."""

from typing import Any

import tensorflow as tf

from tuner.tasks.records import LossOptions


class BinaryCrossEntropy:
    """Mean over the labels, as `BCEWithLogitsLoss` of PyTorch has it; -1 fills a shape up."""

    def reset(self, options: LossOptions) -> None:
        """Start a trial; there are no options."""

    def total_weight(self, targets: Any) -> float:
        """Return the number of rows."""
        return float(len(targets))

    def sums(self, outputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the sum of the rows' losses, twice; see `tuner.tasks.task.Loss`."""
        counted = targets[:, 0] >= 0.0
        losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.maximum(targets, 0.0), outputs)
        total = tf.reduce_sum(tf.where(counted, tf.reduce_mean(losses, axis=1), 0.0))
        return total, total
