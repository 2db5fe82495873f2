"""Prints how many floating-point operations a second a GPU makes in products of matrices."""

import argparse
import time
from statistics import median

import tensorflow as tf

from tuner.training import device

PRODUCTS = 100
"""Timed together, one after another: under a load that lasts, the clocks settle."""

WARM_UP = 2
ROUNDS = 8


def matrix_products(one: tf.Tensor) -> tf.Tensor:
    """Many products in a row; a single number that depends on all of them.

    Args:
        one: Square, of random normal values with variance 1 / side, so that the size of the
            values neither grows nor shrinks much from product to product.
    """
    left = one
    for _ in range(PRODUCTS):
        left = tf.matmul(left, one)
    return tf.reduce_max(tf.abs(left))  # A sum could be taken before the product.


def matrix_rate(side: int) -> float:
    """Floating-point operations a second in products of bfloat16 matrices."""
    values = tf.random.stateless_normal((side, side), (0, 0), stddev=side**-0.5)
    one = tf.cast(values, tf.bfloat16)
    chain = tf.function(matrix_products, jit_compile=True, autograph=False)
    taken = []
    for _ in range(WARM_UP + ROUNDS):
        started = time.perf_counter()
        chain(one).numpy()
        taken.append(time.perf_counter() - started)
    return PRODUCTS * 2 * side**3 / median(taken[WARM_UP:])


def main() -> None:
    """Prints the rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=8192)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    device.set_up(given.threads)
    print(matrix_rate(given.side))


if __name__ == "__main__":
    main()
