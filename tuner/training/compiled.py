"""Operations that XLA computes otherwise.

XLA computes elementwise operations where their result is used, so that on a GPU memory traffic
is what they cost. A mask or a derivative that is computed again from what is there anyway costs
less than one that is stored and read.
"""

import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import optimization_barrier

_FACTORS = 0x21F0AAAD, 0x735A2D97
"""Constants of a 32-bit mixing function with little bias (C. Wellons, hash-prospector)."""


def computed_again(value: tf.Tensor) -> tf.Tensor:
    """The same value; XLA computes what follows from it again instead of keeping it."""
    (same,) = optimization_barrier(value)
    return same


def mixed_bits(shape: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Pseudo-random numbers that follow from a key and each element's place alone.

    Args:
        shape: Shape of the result, at least one axis; fewer than 2^32 elements.
        key: uint32 [2].

    Returns:
        16 bits each, int32.
    """
    last = shape[-1]
    rows = tf.reduce_prod(shape[:-1])
    places = tf.range(rows)[:, tf.newaxis] * last + tf.range(last)[tf.newaxis, :]
    bits = tf.bitwise.bitwise_xor(tf.cast(places, tf.uint32), key[0])
    bits = _folded(bits, 16) * tf.constant(_FACTORS[0], tf.uint32)
    bits = tf.bitwise.bitwise_xor(bits, key[1])
    bits = _folded(bits, 15) * tf.constant(_FACTORS[1], tf.uint32)
    upper = tf.bitwise.right_shift(_folded(bits, 15), tf.constant(16, tf.uint32))
    return tf.reshape(tf.cast(upper, tf.int32), shape)


def _folded(bits: tf.Tensor, by: int) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, tf.constant(by, tf.uint32)))
