"""Training loss of spans: cross-entropies of their first and of their last token."""

from typing import Any

import tensorflow as tf

from tuner.tasks.records import LossOptions


class SpanCrossEntropy:
    """Mean of two cross-entropies in nats over the tokens of a window, as in transformers.

    Padding is no token here, so that a window has the same loss in every batch; transformers
    counts it.
    """

    def reset(self, options: LossOptions) -> None:
        """Start a trial; there are no options."""

    def total_weight(self, targets: Any) -> float:
        """Return the number of windows."""
        return float(len(targets))

    def sums(self, outputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the sum of the windows' losses, twice.

        Args:
            outputs: Start and end logit of each token, float32 [windows, tokens, 2].
            targets: First token, last token, and number of tokens that are no padding, int32
                [windows, 3]; -1 for windows that only fill up a shape.
        """
        counted = targets[:, 0] >= 0
        # Where nothing counts, one token keeps the loss finite.
        lengths = tf.maximum(targets[:, 2], 1)
        real = tf.sequence_mask(lengths, tf.shape(outputs)[1])[:, :, None]
        logits = tf.where(real, outputs, tf.float32.min)
        places = tf.maximum(targets[:, :2], 0)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.transpose(places), tf.transpose(logits, [2, 0, 1])
        )
        total = tf.reduce_sum(tf.where(counted, tf.reduce_mean(losses, axis=0), 0.0))
        return total, total
