"""XLA versions of Keras' operations: the same numbers, or equally random ones."""

import numpy as np
import pytest

pytestmark = pytest.mark.tf

RATE = 0.3
SHAPE = (4, 3, 40, 50)


@pytest.fixture(scope="module")
def drop():
    """Two masks of one forward pass, and the gradients' masks, compiled; by seed and step."""
    import tensorflow as tf

    from tuner.encoders.compiled import for_xla
    from tuner.training.dropout import DropoutState

    state = DropoutState()

    @tf.function(jit_compile=True, autograph=False)
    def masks():
        ones = tf.ones(SHAPE)
        with for_xla(), tf.GradientTape(persistent=True) as tape:
            tape.watch(ones)
            state.begin_forward()
            state.drop(ones)  # The first is stored.
            made = [state.drop(ones), state.drop(ones)]
        return made, [tape.gradient(each, ones) for each in made]

    def run(seed, steps=1):
        state.reset(RATE, seed)
        for _ in range(steps):
            made, gradients = masks()
        return [each.numpy() for each in made], [each.numpy() for each in gradients]

    return run


def test_the_backward_pass_has_the_mask_of_the_forward_pass(drop):
    made, gradients = drop(seed=1)
    for one, other in zip(made, gradients, strict=True):
        np.testing.assert_array_equal(one, other)
    assert set(np.unique(made[0])) == {0.0, np.float32(1 / (1 - RATE))}


def test_masks_follow_from_the_seed_and_the_step_alone(drop):
    first = drop(seed=1)[0]
    for one, other in zip(first, drop(seed=1)[0], strict=True):
        np.testing.assert_array_equal(one, other)
    for other in (drop(seed=2)[0], drop(seed=1, steps=2)[0]):
        assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("axis", range(4))
def test_elements_are_dropped_independently_along_every_axis(drop, axis):
    kept = drop(seed=3)[0][0] > 0.0
    # Five standard errors of a share of this many.
    limit = 5 / np.sqrt(kept.size)
    assert abs(kept.mean() - (1 - RATE)) < limit
    one, other = np.delete(kept, -1, axis), np.delete(kept, 0, axis)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < limit
    others = tuple(a for a in range(4) if a != axis)
    shares = kept.mean(axis=others)
    assert shares.std() < 2 * np.sqrt(RATE * (1 - RATE) / (kept.size / kept.shape[axis]))


def test_masks_of_calls_seeds_and_steps_are_independent(drop):
    made = [drop(seed=seed, steps=steps)[0] for seed in (0, 1, 2) for steps in (1, 2)]
    kept = np.array([mask.ravel() > 0.0 for pair in made for mask in pair])
    correlations = np.corrcoef(kept) - np.eye(len(kept))
    assert np.abs(correlations).max() < 5 / np.sqrt(kept.shape[1])


def test_the_gelu_and_its_gradient_are_those_of_keras():
    import keras
    import tensorflow as tf

    from tuner.encoders.activations import gelu

    x = tf.constant(np.linspace(-8, 8, 4001), tf.float32)

    def value_and_slope(function):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return y, tape.gradient(y, x)

    compiled = tf.function(lambda: value_and_slope(gelu), jit_compile=True, autograph=False)
    expected = value_and_slope(lambda t: keras.activations.gelu(t, approximate=False))
    for made, known in zip(compiled(), expected, strict=True):
        np.testing.assert_allclose(made, known, atol=2e-6)
