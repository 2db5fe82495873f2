import numpy as np
import pytest

from tests.components import make_optimizer
from tests.tiny_checkpoints import write_checkpoint
from tests.training.references import load
from tuner import optimizers
from tuner.checkpoints import inspect
from tuner.tasks import Classification

pytestmark = pytest.mark.tf

RATE = 1e-2
TORCH = load("optimizers.json")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tuner.training.model import Classifier

    return Classifier(inspect(write_checkpoint(tmp_path_factory.mktemp("c") / "bert")), 2)


def apply(model, optimizer, gradients, *, weights=(0.5,), rates=None, clip_norm=None):
    """Applies lists of gradients one after another; the weights before and after each of them.

    The weights are filled with `weights` over and over, so that decay shows everywhere.
    """
    import tensorflow as tf

    from tuner.training.update import UpdateStep

    model.reset(seed=0, dropout=0.0)
    for variable in model.variables:
        variable.assign(np.resize(weights, variable.shape).astype(np.float32))
    seen = [[np.array(v.numpy()) for v in model.variables]]
    step = UpdateStep(model, Classification())
    step.reset(make_optimizer({"learning_rate": RATE} | optimizer))
    for number, each in enumerate(gradients, start=1):
        step._gradients = lambda *_, each=each: (
            tf.constant(1.0),
            [tf.constant(g, tf.float32) for g in each],
        )
        rate = RATE if rates is None else rates[number - 1]
        step([FakeBatch()], learning_rate=rate, update=number, clip_norm=clip_norm)
        seen.append([np.array(v.numpy()) for v in model.variables])
    return seen


class FakeBatch:
    ids = types = np.zeros((1, 1), np.int32)
    lengths = np.ones(1, np.int32)
    labels = (0,)


def drawn(model, count, seed=0):
    random = np.random.default_rng(seed)
    return [
        [random.normal(0.0, 0.1, v.shape).astype(np.float32) for v in model.variables]
        for _ in range(count)
    ]


def exempt(variable):
    return variable.path.endswith((".bias", "LayerNorm.weight"))


@pytest.mark.parametrize(
    "case", [name for name in TORCH if name.startswith(("adamw", "sgd", "rmsprop"))]
)
def test_updates_match_those_of_torch(model, case):
    figures = TORCH[case]
    gradients = [[np.resize(g, v.shape) for v in model.variables] for g in TORCH["gradients"]]
    seen = apply(
        model, figures["optimizer"], gradients, weights=TORCH["weights"], rates=figures["rates"]
    )
    for updates in (2, 10):
        for variable, value in zip(model.variables, seen[updates], strict=True):
            expected = figures["exempt" if exempt(variable) else "decayed"][str(updates)]
            np.testing.assert_allclose(
                value, np.resize(expected, variable.shape), rtol=0, atol=2e-7,
                err_msg=f"{variable.path} after {updates} updates",
            )  # fmt: skip


def test_lion_is_that_of_keras(model):
    import keras

    gradients = drawn(model, 5)
    gradients[1][0][:] = 0.0
    rates = [1e-2, 8e-3, 6e-3, 4e-3, 2e-3]
    betas = {"beta_1": 0.8, "beta_2": 0.95}
    ours = apply(model, {"name": "lion", **betas}, gradients, rates=rates)[-1]
    weights = [keras.Variable(np.full(v.shape, 0.5, np.float32)) for v in model.variables]
    theirs = keras.optimizers.Lion(**betas)
    for each, rate in zip(gradients, rates, strict=True):
        theirs.learning_rate.assign(rate)
        theirs.apply(each, weights)
    for one, other in zip(ours, weights, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=0, atol=2e-7)


@pytest.mark.parametrize("name", ["lion", "rmsprop", "adafactor"])
def test_an_optimizer_of_other_fields_is_another_one(model, name):
    """Values that search spaces have reach one graph as numbers, where the kernel is ours."""
    fields = {"lion": "beta_1", "rmsprop": "rho", "adafactor": "clip_threshold"}
    keys = {make_optimizer({"name": name, fields[name]: value}).graph_key for value in (0.5, 0.9)}
    assert len(keys) == (2 if name == "adafactor" else 1)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "lion", "rmsprop", "adafactor"])
def test_weight_decay_leaves_biases_and_layer_norms_alone(model, name):
    zeros = [np.zeros_like(g) for g in drawn(model, 1)[0]]
    optimizer = {"name": name, "weight_decay": 0.5}
    before, after = apply(model, optimizer, [zeros])
    for variable, old, new in zip(model.variables, before, after, strict=True):
        expected = old if exempt(variable) else old * (1 - RATE * 0.5)
        np.testing.assert_allclose(new, expected, rtol=1e-6, err_msg=variable.path)
    assert {exempt(variable) for variable in model.variables} == {True, False}


def test_every_optimizer_makes_an_update(model):
    for name in optimizers.REGISTRY.names():
        before, after = apply(model, {"name": name}, drawn(model, 1))
        for variable, old, new in zip(model.variables, before, after, strict=True):
            assert np.isfinite(new).all(), (name, variable.path)
            assert not np.array_equal(old, new), (name, variable.path)
