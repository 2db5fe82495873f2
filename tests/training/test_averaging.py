"""The moving average of the weights against its formula."""

import numpy as np
import pytest

pytestmark = pytest.mark.tf


@pytest.fixture
def weights():
    import tensorflow as tf

    random = np.random.default_rng(0)
    shapes = ((3, 4), (5,))
    return [tf.Variable(random.normal(0, 1, shape).astype(np.float32)) for shape in shapes]


def averaged(weights, decay, updates):
    """The formula in float64, and the object, over the same random walk."""
    from tuner.training.averaging import Average

    random = np.random.default_rng(1)
    average = Average(weights)
    average.reset(decay)
    expected = [v.numpy().astype(np.float64) for v in weights]
    for update in range(1, updates + 1):
        for variable in weights:
            variable.assign_add(random.normal(0, 1, variable.shape).astype(np.float32))
        average.update(update)
        d = min(decay, (1 + update) / (10 + update))
        expected = [d * a + (1 - d) * v.numpy() for a, v in zip(expected, weights, strict=True)]
    return average, expected


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_the_average_equals_the_formula(weights, decay):
    average, expected = averaged(weights, decay, 40)
    last = [v.numpy() for v in weights]
    average.exchange()
    for variable, value in zip(weights, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-6)
    average.exchange()
    assert all(np.array_equal(v.numpy(), old) for v, old in zip(weights, last, strict=True))
    assert average.traces == 1


def test_another_trial_begins_at_its_own_weights(weights):
    average, _ = averaged(weights, 0.9, 5)
    average.reset(0.9)
    before = [v.numpy() for v in weights]
    average.exchange()
    assert all(np.array_equal(v.numpy(), old) for v, old in zip(weights, before, strict=True))


def test_without_a_decay_nothing_happens(weights):
    from tuner.training.averaging import Average

    average = Average(weights)
    average.reset(None)
    before = [v.numpy() for v in weights]
    average.update(1)
    average.exchange()
    assert all(np.array_equal(v.numpy(), old) for v, old in zip(weights, before, strict=True))
    assert average.traces == 0
    assert average._averages == []
