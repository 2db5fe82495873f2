"""Activations computed again in the backward pass: the same trial."""

import numpy as np
import pytest

from tests.components import make_optimizer
from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tests.training.ten_updates import ADAMW, farthest, weights
from tests.training.test_fine_tune import Recorder
from tests.training.test_fused import tuner_of_a_gpu
from tests.worker.test_warm import what_matters
from tuner.checkpoints import inspect
from tuner.tasks import Classification

pytestmark = pytest.mark.tf

VOCABULARY = 50
FAST = ("bert", "albert")  # ALBERT's one layer is called once for each that it stands for.


def micro_batches(count, rows=4, tokens=12):
    from tuner.training.micro_batch import MicroBatch

    random = np.random.default_rng(5)
    for _ in range(count):
        yield MicroBatch(
            ids=random.integers(5, VOCABULARY, (rows, tokens), np.int32),
            types=np.zeros((rows, tokens), np.int32),
            lengths=random.integers(3, tokens + 1, rows, np.int32),
            labels=random.integers(0, 2, rows, np.int32),
        )


def three_updates(checkpoint, *, rematerialize):
    """Loss sums, and the weights before and after."""
    from tuner.training.model import Classifier
    from tuner.training.update import UpdateStep

    model = Classifier(checkpoint, 2, rematerialize=rematerialize)
    step = UpdateStep(model, Classification())
    model.reset(seed=1, dropout=0.3)
    begin = weights(model)
    step.reset(make_optimizer(ADAMW))
    batches = list(micro_batches(6))
    for update in range(3):
        pair = batches[2 * update : 2 * update + 2]
        step(pair, learning_rate=1e-3, update=update + 1, clip_norm=1.0)
    return [result.loss_sum for result in step.collect()], begin, weights(model)


@pytest.mark.parametrize(
    "model_type",
    [pytest.param(t, marks=[] if t in FAST else pytest.mark.slow) for t in MODEL_TYPES],
)
def test_three_updates_with_dropout_give_the_same_parameters(tmp_path, model_type):
    checkpoint = inspect(
        write_checkpoint(tmp_path / model_type, model_type, vocab=VOCABULARY * 2, seed=3)
    )
    losses, begin, expected = three_updates(checkpoint, rematerialize=False)
    other_losses, _, got = three_updates(checkpoint, rematerialize=True)
    assert farthest(begin, expected) > 1e-3
    np.testing.assert_allclose(other_losses, losses, rtol=1e-6)
    assert farthest(got, expected) < 1e-6


def reports(tuner, settings):
    told = Recorder()
    assert not tuner.run(settings, told)
    return what_matters(told.reports)


def check_switching(tuner, make_settings):
    """A worker that switches goes on as if it had not, and both ways are the same trial."""
    kept, again = (make_settings(rematerialize=value, dropout=0.3) for value in (False, True))
    first = reports(tuner, kept)
    other = reports(tuner, again)
    assert reports(tuner, kept) == first
    assert reports(tuner, again) == other
    for one, two in zip(first, other, strict=True):
        assert two.train_loss == pytest.approx(one.train_loss, rel=1e-4)
        assert two.val_loss == pytest.approx(one.val_loss, rel=1e-4)


def test_a_worker_may_switch_between_trials(make_settings):
    from tuner.training.fine_tune import FineTuner

    check_switching(FineTuner(), make_settings)


@pytest.mark.slow
def test_so_may_one_with_a_gpu(monkeypatch, make_settings):
    check_switching(tuner_of_a_gpu(monkeypatch), make_settings)
