import math

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.components import make_optimizer
from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tuner.checkpoints import inspect
from tuner.encoders import Forward, Inputs, Weights
from tuner.errors import InputError
from tuner.tasks import Classification

pytestmark = pytest.mark.tf


def batch(rows=5, tokens=9, vocab=60, seed=0):
    random = np.random.default_rng(seed)
    lengths = random.integers(2, tokens + 1, rows).astype(np.int32)
    lengths[0] = tokens
    ids = random.integers(5, vocab, (rows, tokens)).astype(np.int32)
    types = (np.arange(tokens) >= 4).astype(np.int32) * np.ones((rows, 1), np.int32)
    return ids, types, lengths


def classifier(folder, labels=3, **kwargs):
    from tuner.training.model import Classifier

    made = Classifier(inspect(folder), labels, **kwargs)
    made.reset(seed=0, dropout=0.1)
    return made


def logits(model, *arrays):
    import tensorflow as tf

    return model.logits(*(tf.constant(array) for array in arrays), training=False)


def sequence(model, ids, types, lengths):
    """Hidden states of the encoder, without those of padding."""
    real = np.arange(ids.shape[1]) < lengths[:, None]
    inputs = Inputs(ids=ids, types=types, lengths=lengths)
    weights = Weights((v.path, v.value) for v in model.variables)
    return np.asarray(model.family.encode(inputs, weights, Forward()))[real]


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_one_update_moves_every_weight_that_the_loss_depends_on(tmp_path, model_type):
    from tuner.training.micro_batch import MicroBatch
    from tuner.training.update import UpdateStep

    model = classifier(write_checkpoint(tmp_path / model_type, model_type))
    before = [np.array(v.numpy()) for v in model.variables]
    step = UpdateStep(model, Classification())
    step.reset(make_optimizer({"name": "adamw", "learning_rate": 1e-3}))
    ids, types, lengths = batch()
    labels = np.array([0, 1, 2, 1, 0], np.int32)
    micro = MicroBatch(ids=ids, types=types, lengths=lengths, labels=labels)
    step([micro], learning_rate=1e-3, update=1, clip_norm=1.0)
    assert math.isfinite(step.collect()[0].grad_norm)
    still = [
        v.path
        for v, old in zip(model.variables, before, strict=True)
        if np.array_equal(v.numpy(), old)
    ]
    # A key's bias moves all scores of a query alike, which softmax does not see.
    assert [path for path in still if not path.endswith("key.bias")] == []


def test_padding_changes_nothing(tmp_path):
    model = classifier(write_checkpoint(tmp_path / "bert"))
    ids, types, lengths = batch()
    wide = [np.pad(array, ((0, 0), (0, 7))) for array in (ids, types)]
    np.testing.assert_allclose(
        logits(model, ids, types, lengths),
        logits(model, *wide, lengths),
        atol=1e-6,
    )


def test_the_head_follows_from_the_seed_alone(tmp_path):
    model = classifier(write_checkpoint(tmp_path / "bert"))

    def head(seed):
        model.reset(seed=seed, dropout=0.1)
        return model.variables[-2].numpy()

    first = head(0)
    assert first.std() == pytest.approx(0.02, rel=0.3)
    assert not np.array_equal(first, head(1))
    assert np.array_equal(first, head(0))


def test_new_layers_of_modernbert_are_drawn_as_in_its_pre_training(tmp_path):
    """Expected are the calls of `trunc_normal_` in transformers' `_init_weights`."""
    folder = write_checkpoint(tmp_path / "modernbert", "modernbert", hidden=96, heads=2, layers=3)
    model = classifier(folder, labels=40)
    model.reset(seed=0, dropout=0.0, reinit_layers=1)
    values = {v.name: v.numpy() for v in model.variables}
    narrow = 0.02 / math.sqrt(2 * 3)
    spreads = {
        "classifier.weight": 96**-0.5,
        "head.dense.weight": narrow,
        "model.layers.2.attn.Wqkv.weight": 0.02,
        "model.layers.2.attn.Wo.weight": narrow,
        "model.layers.2.mlp.Wi.weight": 0.02,
        "model.layers.2.mlp.Wo.weight": narrow,
    }
    for name, spread in spreads.items():
        # A normal distribution cut off at two standard deviations has 0.8796 of its own.
        assert values[name].std() == pytest.approx(0.8796 * spread, rel=0.04), name
        assert 1.9 * spread < np.abs(values[name]).max() <= 2 * spread, name


def test_the_hash_of_the_weights_tells_every_bit_and_place(tmp_path):
    model = classifier(write_checkpoint(tmp_path / "bert"))
    first = model.weight_hash()
    assert len(first) == 16
    for variable in (model.variables[0], model.variables[-1]):
        value = variable.numpy()
        flipped = value.copy()
        flipped.view(np.int32).flat[-1] ^= 1
        swapped = value.copy()
        swapped.flat[0], swapped.flat[1] = value.flat[1] + 1.0, value.flat[0]
        transposed = value.copy()
        transposed.flat[:4] = value.flat[:4][::-1] + 1.0
        for other in (flipped, swapped, transposed):
            variable.assign(other)
            assert model.weight_hash() != first
        variable.assign(value)
    assert model.weight_hash() == first


@pytest.mark.parametrize("model_type", ["bert", "roberta"])
def test_tensor_names_without_prefix_and_a_missing_pooler(tmp_path, model_type):
    folder = write_checkpoint(tmp_path / model_type, model_type)
    arrays = batch()
    whole = sequence(classifier(folder), *arrays)
    weights = load_file(folder / "model.safetensors")
    bare = {n.partition(".")[2]: w for n, w in weights.items() if "pooler" not in n}
    save_file(bare, folder / "model.safetensors")
    model = classifier(folder)
    np.testing.assert_array_equal(sequence(model, *arrays), whole)
    if model_type == "bert":
        weight = next(v for v in model.variables if v.path == "bert.pooler.dense.weight")
        assert weight.numpy().std() == pytest.approx(0.02, rel=0.2)


def test_layer_norms_by_the_names_that_bert_base_has(tmp_path):
    folder = write_checkpoint(tmp_path / "bert")
    arrays = batch()
    whole = sequence(classifier(folder), *arrays)
    weights = load_file(folder / "model.safetensors")
    old = {
        n.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): w
        for n, w in weights.items()
    }
    assert set(old) != set(weights)
    save_file(old, folder / "model.safetensors")
    np.testing.assert_array_equal(sequence(classifier(folder), *arrays), whole)


def test_an_unknown_activation_is_said(tmp_path):
    folder = write_checkpoint(tmp_path / "bert", hidden_act="mish")
    with pytest.raises(InputError, match="hidden_act is 'mish'"):
        classifier(folder)


def test_missing_weights_are_said(tmp_path):
    folder = write_checkpoint(tmp_path / "bert")
    weights = load_file(folder / "model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"lacks the tensor.*layer\.1\.output"):
        classifier(folder)
