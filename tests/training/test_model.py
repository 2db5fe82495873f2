import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.checkpoints import MODEL_TYPES, write_checkpoint
from tests.training.reference import Reference
from tuner.checkpoints import inspect
from tuner.errors import InputError

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


def head_input(model, ids, types, lengths):
    """The features that the head reads, by way of a head that passes them on."""
    features = []
    original = model._head[0]

    class Spy:
        def __call__(self, x, **_):
            features.append(np.asarray(x))
            return original(x)

    model._head = [Spy(), *model._head[1:]]
    logits(model, ids, types, lengths)
    model._head = [original, *model._head[1:]]
    return features[0]


@pytest.mark.parametrize("model_type", MODEL_TYPES)
@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_new", "relu"])
def test_the_encoder_computes_what_the_original_does(tmp_path, model_type, hidden_act):
    folder = write_checkpoint(tmp_path / model_type, model_type, hidden_act=hidden_act)
    ids, types, lengths = batch()
    expected = Reference(folder).features(ids, types, lengths)
    actual = head_input(classifier(folder), ids, types, lengths)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_one_update_moves_every_weight_that_the_loss_depends_on(tmp_path, model_type):
    from tuner.training.update import MicroBatch, UpdateStep

    model = classifier(write_checkpoint(tmp_path / model_type, model_type))
    before = [np.array(v.numpy()) for v in model.variables]
    step = UpdateStep(model)
    step.reset({"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.0})
    ids, types, lengths = batch()
    labels = np.array([0, 1, 2, 1, 0], np.int32)
    micro = MicroBatch(ids=ids, types=types, lengths=lengths, labels=labels)
    result = step([micro], learning_rate=1e-3, update=1, clip_norm=1.0)
    assert result.finite
    still = [
        v.path
        for v, old in zip(model.variables, before, strict=True)
        if np.array_equal(v.numpy(), old)
    ]
    # A key's bias moves all scores of a query alike, which softmax does not see.
    assert [path for path in still if not path.endswith("key/bias")] == []


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


@pytest.mark.parametrize("model_type", ["bert", "roberta"])
def test_tensor_names_without_prefix_and_a_missing_pooler(tmp_path, model_type):
    folder = write_checkpoint(tmp_path / model_type, model_type)
    ids, types, lengths = batch()
    hidden = Reference(folder).hidden(ids, types, lengths)
    weights = load_file(folder / "model.safetensors")
    bare = {n.partition(".")[2]: w for n, w in weights.items() if "pooler" not in n}
    save_file(bare, folder / "model.safetensors")
    model = classifier(folder)
    out = model._backbone(
        {"token_ids": ids, "padding_mask": _mask(ids, lengths)}
        | ({"segment_ids": types} if model.uses_types else {})
    )
    sequence = out["sequence_output"] if isinstance(out, dict) else out
    np.testing.assert_allclose(np.asarray(sequence)[0], hidden[0], atol=1e-5)
    if model_type == "bert":
        kernel = next(v for v in model.variables if v.path == "pooled_dense/kernel")
        assert kernel.numpy().std() == pytest.approx(0.02, rel=0.2)


def _mask(ids, lengths):
    return (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int32)


def test_an_unknown_activation_is_said(tmp_path):
    folder = write_checkpoint(tmp_path / "bert", hidden_act="mish")
    with pytest.raises(InputError, match="activation 'mish'"):
        classifier(folder)


def test_missing_weights_are_said(tmp_path):
    folder = write_checkpoint(tmp_path / "bert")
    weights = load_file(folder / "model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"lacks 1 tensors.*layer\.1\.output"):
        classifier(folder)


def test_the_epsilon_of_the_configuration_is_used(tmp_path):
    folder = write_checkpoint(tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 0.1}))
    ids, types, lengths = batch()
    expected = Reference(folder).features(ids, types, lengths)
    actual = head_input(classifier(folder), ids, types, lengths)
    np.testing.assert_allclose(actual, expected, atol=1e-5)
