"""Training the token embeddings that occur gives what training all of them gives."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tests.training.ten_updates import ten_updates
from tests.training.test_fine_tune import Recorder
from tuner import encoders, optimizers
from tuner.checkpoints import inspect
from tuner.data import prepare
from tuner.encoders.parameters import token_table
from tuner.tasks import Classification
from tuner.training.vocabulary import CompactTable, Vocabulary, trained_vocabulary

OCCUR = [0, 2, 3, 7]
OTHERS = [1, 4, 5, 6]


@pytest.fixture
def whole():
    return np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)


@pytest.fixture
def table():
    (parameter,) = token_table("words", 8, 5)
    return CompactTable(parameter, Vocabulary(np.array([7, 2, 3, 2])).ids)


def test_a_table_is_split_into_the_rows_that_occur_and_the_norm_of_the_others(table, whole):
    rows, norm = table.split(whole)
    np.testing.assert_array_equal(rows, whole[OCCUR])
    assert norm == pytest.approx(np.linalg.norm(whole[OTHERS]))
    assert [each.shape for each in table.parameters] == [(4, 5), ()]
    assert table.places.tolist() == [0, 4, 1, 2, 4, 4, 4, 3]


def test_it_is_put_together_again(table, whole):
    rows, norm = table.split(whole)
    np.testing.assert_array_equal(table.join(whole, rows, norm), whole)
    trained = table.join(whole, rows + 1.0, np.float32(0.9) * norm)
    np.testing.assert_array_equal(trained[OCCUR], whole[OCCUR] + 1.0)
    np.testing.assert_allclose(trained[OTHERS], 0.9 * whole[OTHERS], rtol=3e-7)


def test_other_rows_that_are_zero_stay_so(table, whole):
    whole[OTHERS] = 0.0
    np.testing.assert_array_equal(table.join(whole, *table.split(whole)), whole)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_each_family_has_a_table_of_its_tokens(tmp_path, model_type):
    info = inspect(write_checkpoint(tmp_path / model_type, model_type))
    (table,) = Vocabulary(np.array([5])).tables(info.family.parameters()).values()
    shape = info.family.shape
    assert table.whole.shape == (shape.vocabulary, shape.embedding)
    assert table.whole.name.endswith(("word_embeddings.weight", "tok_embeddings.weight"))
    assert shape.with_vocabulary(2).parameters == shape.parameters - shape.embedding * (
        shape.vocabulary - 2
    )


def test_a_head_adds_no_table():
    head = encoders.find("bert")().sequence_classifier(2)
    assert not Vocabulary(np.array([5])).tables(head.parameters)


def test_the_vocabulary_is_that_of_the_texts_before_they_are_cut(make_settings):
    settings = make_settings()
    found = [
        prepare(settings.data, replace(settings.model, max_length=length), Classification())
        for length in (4, 32)
    ]
    short, long = (each.vocabulary for each in found)
    assert short.tolist() == long.tolist() == sorted(set(long.tolist()))
    tokens = {int(i) for split in (found[1].train, found[1].validation) for i in split.ids}
    assert set(long.tolist()) == tokens | {found[1].pad_id}
    assert len(set(found[0].train.ids.tolist())) < len(short)
    assert Vocabulary(short).fingerprint == Vocabulary(long).fingerprint
    assert Vocabulary(short[:-1]).fingerprint != Vocabulary(long).fingerprint


@pytest.mark.tf
@pytest.mark.parametrize("kind", optimizers.REGISTRY.bundled(), ids=lambda kind: kind.name)
def test_an_optimizer_is_elementwise_if_rows_without_gradient_change_nothing(kind):
    """Three updates of a table, and of the rows that have gradients alone."""
    import keras
    import tensorflow as tf

    from tuner.optimizers import SlotPool

    random = np.random.default_rng(1)
    first = random.normal(size=(6, 4)).astype(np.float32)
    steps = random.normal(0.0, 0.1, (3, 6, 4)).astype(np.float32)
    steps[:, 3:] = 0.0
    optimizer = kind(learning_rate=1e-2)
    made = []
    for rows in (6, 3):
        weights = [keras.Variable(first[:rows])]
        kernel = optimizer.make_kernel(weights, SlotPool(weights))
        kernel.reset()
        for number, gradients in enumerate(steps, start=1):
            inputs = tf.constant(optimizer.kernel_inputs(1e-2, number))
            kernel.apply([tf.constant(gradients[:rows])], inputs, [tf.constant(1.0)])
        made.append(weights[0].numpy())
    table, part = made
    assert not np.allclose(part, first[:3])
    alike = np.allclose(table[:3], part, rtol=0, atol=1e-7) and np.array_equal(
        table[3:], first[3:]
    )
    assert alike == kind.elementwise


def classifiers(data):
    from tuner.training.model import Classifier

    vocabulary = Vocabulary(data.vocabulary)
    return [Classifier(data.checkpoint, 2, vocabulary=each) for each in (None, vocabulary)]


@pytest.fixture(scope="module")
def steps(data):
    """Model and update step with the whole table, and with the rows that occur."""
    from tuner.training.update import UpdateStep

    return [(model, UpdateStep(model, Classification())) for model in classifiers(data)]


ELEMENTWISE = {
    "adamw": {"epsilon": 1e-6},
    "adam": {"epsilon": 1e-6},
    "sgd": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
    "rmsprop": {"epsilon": 1e-4, "momentum": 0.5},
    "lion": {"learning_rate": 1e-4},
}
"""Fields with which rounding is not blown up to whole steps."""


@pytest.mark.tf
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_ten_updates_lead_to_the_same_weights(data, steps, name):
    optimizer = {"name": name, "learning_rate": 1e-3, "weight_decay": 0.5, "layer_decay": 0.8}
    optimizer |= ELEMENTWISE[name]
    losses, tensors, changes = [], [], []
    for model, step in steps:
        losses.append(ten_updates(model, step, data, 16, optimizer=optimizer)[0])
        tensors.append(model.tensors())
        changes.append(model.weight_change())
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert changes[1] == pytest.approx(changes[0], rel=1e-4)
    one, other = tensors
    assert one.keys() == other.keys()
    for tensor in one:
        np.testing.assert_allclose(other[tensor], one[tensor], rtol=0, atol=3e-6, err_msg=tensor)
    # Rows that do not occur have decayed, each by the same factor.
    table = "bert.embeddings.word_embeddings.weight"
    others = np.setdiff1d(np.arange(len(one[table])), Vocabulary(data.vocabulary).ids)
    steps[0][0].reset(0, 0.0)
    ratio = other[table][others] / steps[0][0].tensors()[table][others]
    assert len(others) > 10
    assert ratio.max() < 0.9999
    assert np.ptp(ratio) < 1e-6


@pytest.mark.tf
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_each_family_computes_the_same_logits(tmp_path, model_type):
    import tensorflow as tf

    from tuner.training.model import Classifier

    info = inspect(write_checkpoint(tmp_path / model_type, model_type))
    ids = np.random.default_rng(2).integers(5, 40, (3, 7)).astype(np.int32)
    ids[2, 4:] = info.family.pad_token_id
    types, lengths = np.zeros_like(ids), np.array([7, 7, 4], np.int32)
    made = []
    for vocabulary in (None, Vocabulary(ids)):
        model = Classifier(info, 2, vocabulary=vocabulary)
        model.reset(0, 0.0)
        inputs = (tf.constant(each) for each in (ids, types, lengths))
        made.append(model.logits(*inputs, training=False).numpy())
    np.testing.assert_array_equal(*made)


@pytest.mark.tf
def test_a_token_outside_of_the_vocabulary_is_an_error(data):
    import tensorflow as tf

    _, model = classifiers(data)
    missing = np.setdiff1d(np.arange(40), Vocabulary(data.vocabulary).ids)[:1]
    ids = tf.constant(missing[np.newaxis].astype(np.int32))
    with pytest.raises(tf.errors.InvalidArgumentError):
        model.logits(ids, tf.zeros_like(ids), tf.constant([1]), training=False)


@pytest.fixture(scope="module")
def tuner():
    from tuner.training.fine_tune import FineTuner

    return FineTuner()


def trial(tuner, settings, folder):
    """Reports of a trial, and the tensors that it exports."""
    recorder = Recorder()
    assert not tuner.run(settings, recorder)
    tuner.save_model(folder)
    return recorder.reports, load_file(folder / "model.safetensors")


@pytest.mark.tf
def test_a_whole_trial_reports_and_exports_the_same(tuner, make_settings, tmp_path, monkeypatch):
    settings = make_settings(
        batch_size=8, accumulation_steps=2, ema_decay=0.9, evaluations=4,
        optimizer={"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.5, "epsilon": 1e-5},
    )  # fmt: skip
    reports, tensors = trial(tuner, settings, tmp_path / "compact")
    monkeypatch.setattr(optimizers.AdamW, "elementwise", False)
    expected, whole = trial(tuner, settings, tmp_path / "whole")
    for one, other in zip(reports, expected, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert one.grad_norm == pytest.approx(other.grad_norm, rel=1e-4)
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-5)
        assert one.weight_change == pytest.approx(other.weight_change, rel=1e-4)
    assert tensors.keys() == whole.keys()
    for name, tensor in whole.items():
        np.testing.assert_allclose(tensors[name], tensor, rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.tf
def test_frozen_embeddings_are_exported_as_they_were(tuner, make_settings, tmp_path, workspace):
    settings = make_settings(freeze_layers=1)
    _, tensors = trial(tuner, settings, tmp_path / "model")
    first = load_file(workspace / "bert" / "model.safetensors")
    name = "bert.embeddings.word_embeddings.weight"
    np.testing.assert_array_equal(tensors[name], first[name])


@pytest.mark.tf
def test_another_length_is_not_traced_and_another_optimizer_takes_all_rows(make_settings, data):
    from tuner.training.fine_tune import FineTuner

    tuner, settings = FineTuner(), make_settings(epochs=0.2)
    assert trained_vocabulary(settings, data) is not None
    for length in (32, 8, 32):
        model = replace(settings.model, max_length=length)
        assert not tuner.run(replace(settings, model=model), Recorder())
    (model,) = tuner._models.values()
    assert model.step.traces == {"gradients": 1, "add": 0, "apply": 1}
    assert model.evaluator.traces == 1
    rows = model.classifier.values[0].shape[0]
    assert rows == len(Vocabulary(data.vocabulary).ids) < data.checkpoint.family.vocab_size
    mixed = make_settings(epochs=0.2, optimizer={"name": "lamb", "learning_rate": 1e-3})
    assert trained_vocabulary(mixed, data) is None
    assert not tuner.run(mixed, Recorder())
    whole = list(tuner._models.values())[-1]
    assert whole.classifier.values[0].shape[0] == data.checkpoint.family.vocab_size
