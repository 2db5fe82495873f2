"""Dropout whose rate and randomness are variables, so that one trace serves every trial.

The mask follows from the trial's seed, the micro-batch's number and the place of the call in the
forward pass, and from nothing else.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tuner.encoders.compiled import is_for_xla
from tuner.training.compiled import computed_again, mixed_bits

CALLS = 1024
"""More dropout calls than a forward pass has: numbers of different micro-batches never meet."""

REPLICAS = 1 << 48
"""Likewise more than a trial's calls: numbers of different devices never meet."""

LEVELS = 1 << 16
"""Masks are drawn with 16 random bits an element; the rate is met to 1/65536."""


class DropoutState:
    """Rate, seed and micro-batch counter of all dropout layers of one model."""

    def __init__(self) -> None:
        self.rate = tf.Variable(0.0, dtype=tf.float32, trainable=False, name="dropout_rate")
        # The trial's seed and the number of the micro-batch times CALLS.
        self.seed = tf.Variable([0, 0], dtype=tf.int64, trainable=False, name="dropout_seed")
        self._call = 0
        self._base: Any = self.seed

    def reset(self, rate: float, seed: int) -> None:
        """Start a trial: set its rate and seed, and the counter to 0."""
        self.rate.assign(rate)
        self.seed.assign([seed, 0])

    def begin_forward(self) -> None:
        """Called while tracing, before a forward pass with dropout; advances the counter.

        On several devices each advances its own copy, and draws masks of its own.
        """
        step = tf.constant([0, CALLS], tf.int64)
        tf.raw_ops.AssignAddVariableOp(resource=self.seed.handle, value=step)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        first = REPLICAS * tf.cast(replica, tf.int64)
        self._base = self.seed + tf.stack([tf.constant(0, tf.int64), first])
        self._call = 0

    def repeatable(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A part of the forward pass that draws the same masks each time that it is traced."""
        call = self._call

        def repeated(*inputs: Any) -> Any:
            self._call = call
            return function(*inputs)

        return repeated

    def drop(self, inputs: tf.Tensor) -> tf.Tensor:
        """Zero each element with probability `rate` and scale the others by 1/(1 - rate)."""
        self._call += 1
        seed = self._base + tf.constant([0, self._call], tf.int64)
        # The first mask of a forward pass is stored in any case: without one XLA takes the
        # embeddings' transposed order for all hidden states, and turns them in every layer.
        if is_for_xla() and self._call > 1:
            return self._drop_again(inputs, _words(tf.constant(2, tf.int64), seed))
        size = tf.size(inputs, out_type=tf.int64)
        bits = tf.bitcast(_words((size + 1) // 2, seed), tf.uint16)
        flat = tf.cast(tf.reshape(bits, [-1])[:size], tf.int32)
        return self._masked(inputs, tf.reshape(flat, tf.shape(inputs)))

    def _drop_again(self, inputs: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        """The same with a mask that the backward pass computes again."""

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def dropped(x: tf.Tensor) -> Any:
            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                return self._masked(upstream, mixed_bits(tf.shape(upstream), computed_again(key)))

            return self._masked(x, mixed_bits(tf.shape(x), key)), gradient

        return dropped(inputs)

    def _masked(self, values: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
        """Zero the elements with the smallest bits, and scale the others."""
        threshold = tf.cast(tf.round(self.rate * LEVELS), tf.int32)
        scale = tf.cast(1.0 / (1.0 - self.rate), values.dtype)
        return tf.where(bits >= threshold, values * scale, tf.zeros([], values.dtype))


def _words(count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """So many random numbers of a seed, uint32."""
    return tf.random.stateless_uniform(
        [count], seed=seed, minval=None, maxval=None, dtype=tf.uint32
    )
