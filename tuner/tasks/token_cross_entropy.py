"""Training loss of a token classifier."""

from typing import Any

import numpy as np
import tensorflow as tf

from tuner.tasks.records import LossOptions


class TokenCrossEntropy:
    """Cross-entropy of each token that stands for a word; the others count nothing.

    An update's loss is the mean over all words of its rows, as `CrossEntropyLoss` of PyTorch makes
    it of the whole effective batch.
    """

    def reset(self, options: LossOptions) -> None:
        """Start a trial; there are no options."""

    def total_weight(self, targets: Any) -> float:
        """Return the number of tokens that stand for a word."""
        return float((np.asarray(targets) >= 0).sum())

    def sums(self, outputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the sum of cross-entropies in nats, twice; see `tuner.tasks.task.Loss`.

        Args:
            outputs: Logits, float32 [rows, tokens, tags].
            targets: Tag numbers, int32 [rows, tokens]; -1 for tokens that count nothing.
        """
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(targets, 0), outputs)
        total = tf.reduce_sum(tf.where(targets >= 0, losses, 0.0))
        return total, total
