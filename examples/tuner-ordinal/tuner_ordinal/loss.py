"""Training loss of an ordinal regression, the only part that imports TensorFlow."""

from typing import Any

import tensorflow as tf

from tuner.tasks import LossOptions


class EarthMovers:
    """Squared earth mover's distance; rows with the target -1 count nothing."""

    def __init__(self, labels: int) -> None:
        self._numbers = tf.range(labels)

    def reset(self, options: LossOptions) -> None:
        """Start a trial; there are no options."""

    def total_weight(self, targets: Any) -> float:
        """Return the number of rows."""
        return float(len(targets))

    def sums(self, outputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the sum of the rows' losses, twice; see `tuner.tasks.task.Loss`."""
        reached = tf.cast(targets[:, None] <= self._numbers, tf.float32)
        apart = tf.cumsum(tf.nn.softmax(outputs), axis=1) - reached
        losses = tf.reduce_sum(tf.square(apart), axis=1)
        total = tf.reduce_sum(tf.where(targets >= 0, losses, 0.0))
        return total, total
