import pytest

pytestmark = pytest.mark.tf


def test_many_products_neither_overflow_nor_vanish():
    import tensorflow as tf

    from benchmarks.gpu_matrix import matrix_products

    values = tf.random.stateless_normal((128, 128), (0, 0), stddev=128**-0.5)
    largest = float(matrix_products(tf.cast(values, tf.bfloat16)))
    assert 1e-3 < largest < 1e3
