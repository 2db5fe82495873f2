import math

import numpy as np
import pytest

from tests.components import loss_options, make_optimizer
from tests.tiny_checkpoints import write_checkpoint
from tests.training.ten_updates import ADAMW, RMSPROP, SGD, cut, farthest, ten_updates, weights
from tests.training.test_fine_tune import run
from tuner.checkpoints import inspect
from tuner.tasks import Classification, TokenClassification

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tuner.training.model import Classifier

    folder = write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "bert", seed=3)
    return Classifier(inspect(folder), 2)


@pytest.fixture(scope="module")
def plain(model):
    from tuner.training.update import UpdateStep

    return UpdateStep(model, Classification())


@pytest.fixture(scope="module")
def fused(model):
    from tuner.training.fused import FusedStep

    return FusedStep(model, Classification(), look_every=4)


def tuner_of_a_gpu(monkeypatch):
    """Fine-tuner that runs trials as on a GPU."""
    from tuner.training import fine_tune
    from tuner.training.fused import FusedStep

    monkeypatch.setattr(fine_tune, "make_step", FusedStep)
    return fine_tune.FineTuner()


@pytest.mark.parametrize("optimizer", [ADAMW, SGD, RMSPROP], ids=lambda o: o["name"])
def test_ten_updates_give_the_parameters_of_the_plain_path(model, plain, fused, data, optimizer):
    fields = {
        "freeze_layers": 1,
        "loss": loss_options(0.1, np.array([0.5, 2.0])),
    }
    optimizer = {**optimizer, "layer_decay": 0.8}
    begin = weights(model)
    losses, expected = ten_updates(model, plain, data, 8, optimizer=optimizer, **fields)
    assert farthest(begin, expected) > 1e-3
    fused_losses, got = ten_updates(model, fused, data, 8, optimizer=optimizer, **fields)
    np.testing.assert_allclose(fused_losses, losses, rtol=2e-6)
    assert farthest(got, expected) < 1e-6


def test_with_dropout_a_reset_brings_back_the_same_bits(model, fused, data):
    first = ten_updates(model, fused, data, 8, dropout=0.3)
    ten_updates(model, fused, data, 16, optimizer=SGD)
    again = ten_updates(model, fused, data, 8, dropout=0.3)
    assert first[0] == again[0] != ten_updates(model, fused, data, 8)[0]
    assert farthest(first[1], again[1]) == 0.0


def test_one_trace_serves_all_shapes_and_rates(model, fused, data):
    ten_updates(model, fused, data, 8)
    before = dict(fused.traces)
    ten_updates(model, fused, data, 5, optimizer={**ADAMW, "learning_rate": 1e-5}, dropout=0.1)
    assert fused.traces == before


def test_figures_are_due_after_some_updates_and_count_what_was_computed(model, fused, data):
    model.reset(seed=0, dropout=0.0)
    fused.reset(make_optimizer(ADAMW))
    micro = cut(data, np.arange(14), 8)
    due = []
    for number in range(1, 5):
        fused(micro, learning_rate=1e-3, update=number, clip_norm=1.0)
        due.append(fused.due)
    assert due == [False, False, False, True]
    results = fused.collect()
    assert [result.examples for result in results] == [14] * 4
    assert not fused.due
    assert fused.collect() == []
    # Two micro-batches of eight rows, of 16 tokens by the buckets.
    real = sum(int(batch.lengths.sum()) for batch in micro)
    assert {(r.tokens, r.padding) for r in results} == {(2 * 8 * 16, 2 * 8 * 16 - real)}


def test_after_a_nan_updates_change_nothing(model, fused, data):
    model.reset(seed=0, dropout=0.0)
    fused.reset(make_optimizer(ADAMW))
    micro = cut(data, np.arange(16), 8)

    def update(number):
        fused(micro, learning_rate=1e-3, update=number, clip_norm=1.0)
        fused.start_all()
        return [*weights(model), *(slot.numpy() for slot in fused._kernel.slots.values())]

    first = update(1)
    fused._loss_scale = math.nan
    assert farthest(update(2), first) == 0.0
    fused._loss_scale = 1.0
    assert farthest(update(3), first) == 0.0
    assert [math.isfinite(result.grad_norm) for result in fused.collect()] == [True, False, True]
    fused.reset(make_optimizer(ADAMW))
    assert farthest(update(1)[: len(model.variables)], first[: len(model.variables)]) > 0.0


def test_an_overflow_in_float16_is_skipped_and_training_goes_on(tmp_path, data):
    from tuner.training.fused import FusedStep
    from tuner.training.model import Classifier

    model = Classifier(inspect(write_checkpoint(tmp_path / "bert")), 2, "mixed_float16")
    step = FusedStep(model, Classification())
    model.reset(seed=0, dropout=0.0)
    step.reset(make_optimizer(ADAMW))
    before = weights(model)
    step._loss_scale = 2.0**40
    micro = cut(data, np.arange(8), 8)
    step(micro, learning_rate=1e-3, update=1, clip_norm=1.0)
    assert step.due
    (result,) = step.collect()
    assert (result.skipped, step._loss_scale) == (True, 2.0**39)
    assert farthest(weights(model), before) == 0.0
    step._loss_scale = 2.0**10
    step(micro, learning_rate=1e-3, update=1, clip_norm=1.0)
    assert not step.collect()[0].skipped
    assert farthest(weights(model), before) > 1e-4


def test_a_trial_is_the_same_and_is_looked_at_now_and_then(monkeypatch, make_settings):
    from tuner.training.fine_tune import FineTuner

    settings = make_settings(dropout=0.0, batch_size=2, accumulation_steps=2, epochs=2.0)
    _, expected = run(FineTuner(), settings)
    diverged, told = run(tuner_of_a_gpu(monkeypatch), settings)
    assert not diverged
    # 80 updates, reports after 40 each, marks of the certificate after 1 and 10.
    assert (len(expected.shares), told.shares) == (80, [1 / 80, 10 / 80, 0.5, 1.0])
    for one, other in zip(told.reports, expected.reports, strict=True):
        assert (one.updates, one.examples_seen) == (other.updates, other.examples_seen)
        for name in ("train_loss", "val_loss", "grad_norm"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-3)


def test_divergence_is_told_within_fifty_updates_and_without_a_report(monkeypatch, make_settings):
    settings = make_settings(
        batch_size=2,
        evaluations=1,
        optimizer={"name": "sgd", "learning_rate": 1e30},
        schedule={"name": "constant"},
        clip_norm=None,
    )
    diverged, told = run(tuner_of_a_gpu(monkeypatch), settings)
    # The first update has a mark of the certificate.
    assert (diverged, told.shares) == ("train_loss is nan at update 2", [1 / 80])
    assert told.reports == []


@pytest.mark.parametrize(
    ("tokens", "padded"), [(1, 16), (16, 16), (17, 32), (97, 128), (513, 640)]
)
def test_buckets(tokens, padded):
    from tuner.training.micro_batch import bucket

    assert bucket(tokens) == padded


def test_targets_of_tokens_travel_padded_to_the_bucket():
    import tensorflow as tf

    from tuner.training.fused import _unpack
    from tuner.training.micro_batch import MicroBatch, fill, pack

    spec = TokenClassification().target_spec(5)
    ids = np.arange(6, dtype=np.int32).reshape(2, 3)
    labels = np.array([[-1, 4, 2], [-1, 0, -1]], np.int32)
    lengths = np.array([3, 2], np.int32)
    batch = MicroBatch(ids=ids, types=ids + 10, lengths=lengths, labels=labels)
    packed = pack(fill([batch], (2, 3, 5), spec), [0.5, 2.0])
    assert packed.shape == (2, 3, 3 * 5 + 1 + 2)
    found = _unpack(tf.constant(packed[..., :-2])[0], spec)
    assert found.ids.numpy()[:2, :3].tolist() == ids.tolist()
    assert found.types.numpy()[:2, :3].tolist() == (ids + 10).tolist()
    assert found.lengths.numpy().tolist() == [3, 2, 1]
    assert found.labels.numpy().tolist() == [
        [-1, 4, 2, -1, -1],
        [-1, 0, -1, -1, -1],
        [-1] * 5,
    ]
    assert (spec.count(labels), spec.rows(labels)) == (3, 2)
    nothing = _unpack(tf.constant(packed[..., :-2])[1], spec)
    assert (nothing.labels.numpy() == -1).all()
