"""Training loss of a choice: cross-entropy of the choices' scores."""

from typing import Any

import tensorflow as tf

from tuner.tasks.records import LossOptions


class ChoiceCrossEntropy:
    """Cross-entropy in nats over the choices of a row, as in transformers' multiple choice."""

    def __init__(self, choices: int) -> None:
        """Keep the number of choices.

        Args:
            choices: Choices of each row.
        """
        self._choices = choices

    def reset(self, options: LossOptions) -> None:
        """Start a trial; there are no options."""

    def total_weight(self, targets: Any) -> float:
        """Return the number of rows."""
        return float(len(targets) // self._choices)

    def sums(self, outputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the sum of the rows' losses, twice.

        Args:
            outputs: Score of each choice, float32 [inputs, 1]; the choices of a row follow one
                another.
            targets: Number of the right choice, int32 [inputs], the same for all choices of a
                row; -1 for rows that only fill up a shape.
        """
        right = targets[:: self._choices]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.maximum(right, 0), tf.reshape(outputs, [-1, self._choices])
        )
        total = tf.reduce_sum(tf.where(right >= 0, losses, 0.0))
        return total, total
