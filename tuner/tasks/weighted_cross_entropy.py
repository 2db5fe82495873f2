"""Training loss of a classifier: cross-entropy, smoothed and weighted by label.

Smoothing and weights are variables, so that one trace serves every trial; at 0 and 1 they add
zeros and multiply by ones, which changes no bit.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from tuner.tasks.records import LossOptions


class WeightedCrossEntropy:
    """Training loss of one classifier.

    With a label's weight w, smoothing e and K labels, a row of true label y has the loss
    (1 - e) w[y] CE[y] + e / K sum over k of w[k] CE[k], CE[k] being the cross-entropy if k were
    true (Szegedy 2016, weighted as in PyTorch). An update's loss is the sum of these over the sum
    of w[y], both over all rows of the update: with equal weights the mean, with others what
    PyTorch's `CrossEntropyLoss` makes of the whole effective batch, however it is cut into
    micro-batches.
    """

    def __init__(self, labels: int) -> None:
        """Plain cross-entropy until `reset`.

        Args:
            labels: Number of labels.
        """
        self._smoothing = tf.Variable(0.0, trainable=False, name="label_smoothing")
        self._weights = tf.Variable(tf.ones([labels]), trainable=False, name="class_weights")
        self._host_weights = np.ones(labels, np.float64)

    def reset(self, options: LossOptions) -> None:
        """Start a trial with these options."""
        self._smoothing.assign(options.label_smoothing)
        weights = options.label_weights or np.ones(len(self._host_weights))
        self._weights.assign(np.asarray(weights, np.float32))
        self._host_weights = self._weights.numpy().astype(np.float64)

    def total_weight(self, targets: Any) -> float:
        """Sum of the weights of some rows; their number where all labels weigh the same 1."""
        return float(self._host_weights[np.asarray(targets)].sum())

    def sums(self, outputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return sums over the rows of one micro-batch.

        Args:
            outputs: Logits, float32 [rows, labels].
            targets: Label numbers, int32 [rows]; -1 for a row that only fills up a shape.

        Returns:
            The plain cross-entropy in nats, and the loss to minimise before it is divided by the
            update's `total_weight`.
        """
        counted = targets >= 0
        labels = tf.maximum(targets, 0)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)
        # CE[k] is CE[y] + logit[y] - logit[k].
        true = tf.gather(outputs, labels, axis=1, batch_dims=1)
        others = tf.reduce_mean(self._weights * ((losses + true)[:, None] - outputs), axis=1)
        weighted = (1.0 - self._smoothing) * losses * tf.gather(self._weights, labels)
        weighted += self._smoothing * others
        return (
            tf.reduce_sum(tf.where(counted, losses, 0.0)),
            tf.reduce_sum(tf.where(counted, weighted, 0.0)),
        )
