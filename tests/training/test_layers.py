"""Layer-wise rates, frozen layers and layers drawn anew, weight by weight."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.components import loss_options as options
from tests.components import make_optimizer
from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tuner.checkpoints import inspect
from tuner.errors import InputError
from tuner.tasks import Classification

pytestmark = pytest.mark.tf

LAYERS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "bert", layers=LAYERS, seed=3)


@pytest.fixture(scope="module")
def model(folder):
    from tuner.training.model import Classifier

    return Classifier(inspect(folder), 2)


@pytest.fixture(scope="module")
def step(model):
    from tuner.training.update import UpdateStep

    return UpdateStep(model, Classification())


def batch(data, rows):
    from tuner.training.micro_batch import MicroBatch

    ids, types, tokens = data.train.pad(rows)
    return MicroBatch(
        ids=ids, types=types, lengths=tokens.astype(np.int32), labels=data.train.labels[rows]
    )


def values(model):
    return [np.array(v.numpy(), np.float64) for v in model.variables]


def place(path):
    """The layer of a weight by its name alone: -1 in the embeddings, None after the encoder."""
    if ".layer." in path:
        return int(path.partition(".layer.")[2].partition(".")[0])
    return None if path.startswith(("bert.pooler", "classifier")) else -1


OF_DISTANCES = (
    "relative_attention_bias.weight",
    "encoder.LayerNorm.weight",
    "encoder.LayerNorm.bias",
)
"""Ends of weights that belong to the embeddings and are not named so."""


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_every_weight_has_its_place(tmp_path, model_type):
    from tuner.training.model import Classifier

    made = Classifier(inspect(write_checkpoint(tmp_path / model_type, model_type)), 2)
    by_depth = {}
    for parameter, variable in zip(made.parameters, made.variables, strict=True):
        assert variable.path == parameter.name
        by_depth.setdefault(parameter.depth, []).append(variable.path)
    assert all("embedding" in path or path.endswith(OF_DISTANCES) for path in by_depth[0])
    assert not any("embedding" in path for depth in (1, 2, 3) for path in by_depth.get(depth, []))
    expected = {"albert": [0, 1, 3]}.get(model_type, [0, 1, 2, 3])
    assert sorted(by_depth) == expected
    # ModernBERT's first layer has no norm before it, and the last one a norm after it.
    counts = {"modernbert": [5, 7]}.get(model_type, [16] * len(expected[1:-1]))
    assert [len(by_depth[depth]) for depth in expected[1:-1]] == counts
    assert any(path.startswith("classifier.") for path in by_depth[3])


def two_updates(model, step, data, optimizer, **more):
    """Weights before, between and after two updates, and the gradient norms."""
    model.reset(seed=0, dropout=0.0)
    step.reset(make_optimizer(optimizer), **more)
    step.collect()
    states = [values(model)]
    for number in (1, 2):
        step(
            [batch(data, np.arange(16))],
            learning_rate=optimizer["learning_rate"],
            update=number,
            clip_norm=None,
        )
        states.append(values(model))
    return states, [result.grad_norm for result in step.collect()]


def test_layer_decay_scales_every_rate_by_its_distance_from_the_head(model, step, data):
    sgd = {"name": "sgd", "learning_rate": 10.0, "weight_decay": 0.01}
    plain, _ = two_updates(model, step, data, sgd)
    decayed, _ = two_updates(model, step, data, {**sgd, "layer_decay": 0.5})
    shares = {None: 1.0, 2: 0.5, 1: 0.25, 0: 0.125, -1: 0.0625}
    for i, variable in enumerate(model.variables):
        whole = plain[1][i] - plain[0][i]
        expected = shares[place(variable.path)] * whole
        actual = decayed[1][i] - decayed[0][i]
        np.testing.assert_allclose(actual, expected, atol=2e-7, err_msg=variable.path)
    again, _ = two_updates(model, step, data, sgd)
    assert all(np.array_equal(a, b) for a, b in zip(plain[2], again[2], strict=True))


@pytest.mark.parametrize(
    "name", ["adamw", "adam amsgrad", "sgd", "lion", "nadam", "rmsprop", "adafactor", "lamb"]
)
def test_frozen_layers_keep_every_bit_and_count_in_no_norm(model, step, data, name):
    name, _, amsgrad = name.partition(" ")
    optimizer = {"name": name, "learning_rate": 0.1, "weight_decay": 0.5}
    if amsgrad:
        optimizer["amsgrad"] = True
    free, _ = two_updates(model, step, data, optimizer)
    states, norms = two_updates(model, step, data, optimizer, freeze_layers=2)
    frozen = [place(v.path) in (-1, 0, 1) for v in model.variables]
    assert {place(v.path) for v in model.variables} == {None, -1, 0, 1, 2}
    for variable, still, *values in zip(model.variables, frozen, *states, strict=True):
        if still:
            assert np.array_equal(values[0], values[2]), variable.path
        elif not variable.path.endswith("key.bias"):  # Has no gradient.
            assert not np.array_equal(values[0], values[1]), variable.path
    # The first step of the others is the one that they make when all move.
    for still, a, b in zip(frozen, free[1], states[1], strict=True):
        if not still:
            np.testing.assert_array_equal(a, b)
    if name == "sgd":
        sgd = {**optimizer, "weight_decay": 0.0}
        states, norms = two_updates(model, step, data, sgd, freeze_layers=2)
        for k, norm in enumerate(norms):
            steps = (a - b for a, b in zip(states[k + 1], states[k], strict=True))
            squares = math.fsum(float(np.square(s).sum()) for s in steps)
            assert norm == pytest.approx(math.sqrt(squares) / 0.1, rel=1e-4)


def test_no_setting_of_layers_or_loss_costs_a_trace(folder, data):
    from tuner.training.model import Classifier
    from tuner.training.update import UpdateStep

    model = Classifier(inspect(folder), 2)
    step = UpdateStep(model, Classification())
    adamw = {"name": "adamw", "learning_rate": 0.1}
    for decay, freeze, smoothing, weights in (
        (1.0, 0, 0.0, None), (0.8, 0, 0.1, None), (1.0, 2, 0.0, np.array([0.5, 2.0])),
    ):  # fmt: skip
        model.reset(seed=0, dropout=0.0, reinit_layers=freeze)
        step.reset(
            make_optimizer({**adamw, "layer_decay": decay}),
            freeze_layers=freeze,
            loss=options(smoothing, weights),
        )
        for number in (1, 2):
            micro = [batch(data, np.arange(8))] * number
            step(micro, learning_rate=0.1, update=number, clip_norm=None)
    assert set(step.traces.values()) == {1}


def test_drawing_anew_touches_the_last_layers_and_the_pooler_alone(model):
    def drawn(seed, layers):
        model.reset(seed=seed, dropout=0.0, reinit_layers=layers)
        return dict(zip((v.path for v in model.variables), values(model), strict=True))

    for layers in (1, 2, 3):
        plain, first = drawn(0, 0), drawn(0, layers)
        touched = {path for path in plain if not np.array_equal(plain[path], first[path])}
        wanted = {
            path
            for path in plain
            if path.startswith("bert.pooler") or (place(path) or -1) >= LAYERS - layers
            or (place(path) == 0 and layers == LAYERS)
        }  # fmt: skip
        assert touched == wanted
        for path in touched:
            if first[path].ndim > 1:
                assert first[path].std() == pytest.approx(0.02, rel=0.1)
            else:
                scale = path.endswith("LayerNorm.weight")
                assert np.unique(first[path]).tolist() == [1.0 if scale else 0.0]
    kernel = "bert.encoder.layer.2.output.dense.weight"
    np.testing.assert_array_equal(drawn(0, 1)[kernel], drawn(0, 3)[kernel])
    assert not np.array_equal(drawn(0, 1)[kernel], drawn(1, 1)[kernel])
    assert not np.array_equal(
        drawn(0, 3)[kernel], drawn(0, 3)[kernel.replace("layer.2", "layer.1")]
    )


@pytest.mark.parametrize(
    ("model_type", "training", "decay", "message"),
    [
        ("bert", {"freeze_layers": 3}, 1.0, "freeze_layers is 3, and the model has 2 layers"),
        ("bert", {"reinit_layers": 3}, 1.0, "reinit_layers is 3, and the model has 2 layers"),
        ("bert", {"freeze_layers": 1, "reinit_layers": 2}, 1.0, "some would stay random"),
        ("albert", {"freeze_layers": 1}, 1.0, "layers of this albert share their weights"),
        ("albert", {"reinit_layers": 1}, 1.0, "layers of this albert share their weights"),
        ("albert", {}, 0.9, r"layer_decay is 0.9(.|\n)*optimizer.layer_decay=1"),
    ],
)
def test_layers_that_there_are_not_are_said(
    tmp_path, make_settings, model_type, training, decay, message
):
    from tuner.checkpoints.layers import check_layers

    checkpoint = inspect(write_checkpoint(tmp_path / model_type, model_type))
    settings = make_settings(**training)
    wrong = replace(settings, optimizer=replace(settings.optimizer, layer_decay=decay))
    with pytest.raises(InputError, match=message):
        check_layers(wrong, checkpoint)
    check_layers(make_settings(), checkpoint)
