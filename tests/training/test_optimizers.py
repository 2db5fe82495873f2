import numpy as np
import pytest

from tests.checkpoints import write_checkpoint
from tuner.checkpoints import inspect

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tuner.training.model import Classifier

    return Classifier(inspect(write_checkpoint(tmp_path_factory.mktemp("c") / "bert")), 2)


def apply(model, optimizer, gradients, *, rate=1e-2, clip_norm=None):
    """Applies lists of gradients one after another; returns the weights before and after."""
    import tensorflow as tf

    from tuner.training.update import UpdateStep

    model.reset(seed=0, dropout=0.0)
    for variable in model.variables:  # Weights of like size, so that decay shows everywhere.
        variable.assign(np.full(variable.shape, 0.5, np.float32))
    before = [np.array(v.numpy()) for v in model.variables]
    step = UpdateStep(model)
    step.reset(optimizer)
    for number, each in enumerate(gradients, start=1):
        step._gradients = lambda *_, each=each: (
            tf.constant(1.0),
            [tf.constant(g, tf.float32) for g in each],
        )
        step([FakeBatch()], learning_rate=rate, update=number, clip_norm=clip_norm)
    return before, [np.array(v.numpy()) for v in model.variables]


class FakeBatch:
    ids = types = lengths = None
    labels = (0,)


def drawn(model, count, seed=0):
    random = np.random.default_rng(seed)
    return [
        [random.normal(0.0, 0.1, v.shape).astype(np.float32) for v in model.variables]
        for _ in range(count)
    ]


def adamw_in_float64(weights, gradients, rate, decay, fields):
    """torch.optim.AdamW, from its documentation."""
    beta_1, beta_2, epsilon = fields
    w, m, v = weights.astype(np.float64), 0.0, 0.0
    for step, gradient in enumerate(gradients, start=1):
        g = gradient.astype(np.float64)
        w = w - rate * decay * w
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        corrected = np.sqrt(v / (1 - beta_2**step)) + epsilon
        w = w - rate * (m / (1 - beta_1**step)) / corrected
    return w


def exempt(variable):
    return variable.path.rpartition("/")[2] in ("bias", "beta", "gamma")


@pytest.mark.parametrize("fields", [(0.9, 0.999, 1e-8), (0.8, 0.99, 1e-3)])
def test_two_updates_of_adamw_match_a_reference(model, fields):
    gradients = drawn(model, 2)
    optimizer = {"name": "adamw", "weight_decay": 0.1, "learning_rate": 1e-2}
    optimizer |= dict(zip(("beta_1", "beta_2", "epsilon"), fields, strict=True))
    before, after = apply(model, optimizer, gradients)
    for i, variable in enumerate(model.variables):
        decay = 0.0 if exempt(variable) else 0.1
        expected = adamw_in_float64(before[i], [g[i] for g in gradients], 1e-2, decay, fields)
        np.testing.assert_allclose(after[i], expected, atol=2e-7, err_msg=variable.path)


def test_nesterov_and_plain_momentum_match_keras(model):
    import keras

    gradients = drawn(model, 3)
    for nesterov in (False, True):
        fields = {"momentum": 0.9, "nesterov": nesterov}
        _, after = apply(model, {"name": "sgd", "learning_rate": 1e-2, **fields}, gradients)
        model.reset(seed=0, dropout=0.0)
        for variable in model.variables:
            variable.assign(np.full(variable.shape, 0.5, np.float32))
        optimizer = keras.optimizers.SGD(1e-2, **fields)
        for each in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in each], model.variables)
        for value, variable in zip(after, model.variables, strict=True):
            np.testing.assert_allclose(value, variable.numpy(), atol=1e-7)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "lion", "rmsprop", "adafactor"])
def test_weight_decay_leaves_biases_and_layer_norms_alone(model, name):
    zeros = [np.zeros_like(g) for g in drawn(model, 1)[0]]
    optimizer = {"name": name, "learning_rate": 1e-2, "weight_decay": 0.5}
    before, after = apply(model, optimizer, [zeros])
    for variable, old, new in zip(model.variables, before, after, strict=True):
        expected = old if exempt(variable) else old * (1 - 1e-2 * 0.5)
        np.testing.assert_allclose(new, expected, rtol=1e-6, err_msg=variable.path)
    assert {exempt(variable) for variable in model.variables} == {True, False}


def test_every_optimizer_of_keras_makes_an_update(model):
    from tuner.training.optimizers import KERAS_OPTIMIZERS

    # Muon wants to know which weights are embeddings; it has no configuration of ours.
    for name in sorted(set(KERAS_OPTIMIZERS) - {"muon"}):
        before, after = apply(model, {"name": name, "learning_rate": 1e-2}, drawn(model, 1))
        for variable, old, new in zip(model.variables, before, after, strict=True):
            assert np.isfinite(new).all(), (name, variable.path)
            assert not np.array_equal(old, new), (name, variable.path)
