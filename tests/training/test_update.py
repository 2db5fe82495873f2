import math

import numpy as np
import pytest

from tests.components import make_optimizer
from tests.tiny_checkpoints import write_checkpoint
from tests.training.ten_updates import ADAMW, cut, ten_updates, weights
from tuner.checkpoints import inspect
from tuner.tasks import Classification

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tuner.training.model import Classifier

    folder = write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "bert", seed=3)
    return Classifier(inspect(folder), 2)


@pytest.fixture
def step(model):
    from tuner.training.update import UpdateStep

    model.reset(seed=0, dropout=0.0)
    return UpdateStep(model, Classification())


def make(step, *args, **kwargs):
    """One update, and its figures."""
    step(*args, **kwargs)
    (result,) = step.collect()
    return result


@pytest.mark.parametrize("optimizer", [ADAMW, {"name": "sgd", "learning_rate": 0.1}])
def test_every_cut_of_the_effective_batch_gives_the_same_parameters(model, step, data, optimizer):
    begin = weights(model)
    losses, whole = ten_updates(model, step, data, 32, optimizer=optimizer)
    moved = max(float(np.abs(a - b).max()) for a, b in zip(whole, begin, strict=True))
    assert moved > 1e-3
    for batch_size in (16, 8, 4):
        other_losses, other = ten_updates(model, step, data, batch_size, optimizer=optimizer)
        np.testing.assert_allclose(other_losses, losses, rtol=2e-6)
        for variable, a, b in zip(model.variables, whole, other, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6, err_msg=variable.path)


def test_a_reset_brings_back_the_same_bits(model, step, data):
    first = ten_updates(model, step, data, 8, dropout=0.3)
    ten_updates(model, step, data, 16, optimizer={"name": "sgd", "learning_rate": 0.1})
    ten_updates(model, step, data, 32, optimizer={"name": "rmsprop", "learning_rate": 1e-3})
    ten_updates(model, step, data, 8, dropout=0.1)
    again = ten_updates(model, step, data, 8, dropout=0.3)
    assert first[0] == again[0]
    assert all(np.array_equal(a, b) for a, b in zip(first[1], again[1], strict=True))


def test_one_trace_serves_all_rates_batches_lengths_and_dropouts(model, step, data):
    for batch_size, dropout, decay in ((32, 0.0, 0.0), (8, 0.1, 0.1), (5, 0.5, 0.0)):
        optimizer = {"name": "adamw", "learning_rate": 10.0**-batch_size, "weight_decay": decay}
        ten_updates(model, step, data, batch_size, optimizer=optimizer, dropout=dropout)
        ten_updates(model, step, data, batch_size, optimizer={**optimizer, "beta_1": 0.8})
    assert step.traces == {"gradients": 1, "add": 1, "apply": 1}
    for momentum in (0.0, 0.5, 0.9):
        sgd = {"name": "sgd", "learning_rate": 0.1, "momentum": momentum, "nesterov": False}
        ten_updates(model, step, data, 32, optimizer=sgd)
    ten_updates(model, step, data, 32)
    assert step.traces == {"gradients": 1, "add": 1, "apply": 2}


def test_dropout_differs_between_updates_and_follows_from_the_seed(model, step, data):
    rows = np.arange(16)

    def losses(seed, rate):
        model.reset(seed=0, dropout=rate)
        model.dropout.reset(rate, seed)
        step.reset(make_optimizer(ADAMW))
        return [
            make(step, cut(data, rows, 16), learning_rate=0.0, update=n, clip_norm=None).loss_sum
            for n in (1, 2)
        ]

    assert losses(0, 0.0)[0] == losses(0, 0.0)[1] == losses(1, 0.0)[0]
    assert losses(0, 0.3)[0] != losses(0, 0.3)[1]
    assert losses(0, 0.3) == losses(0, 0.3)
    assert losses(0, 0.3)[0] != losses(1, 0.3)[0]


def test_clipping_applies_once_to_the_summed_gradient(model, step, data):
    rows = np.arange(32)
    sgd = {"name": "sgd", "learning_rate": 1.0}

    def moved(batch_size, clip_norm):
        model.reset(seed=0, dropout=0.0)
        step.reset(make_optimizer(sgd))
        before = weights(model)
        result = make(
            step, cut(data, rows, batch_size), learning_rate=1.0, update=1, clip_norm=clip_norm
        )
        squares = sum(
            float(np.square(a.astype(np.float64) - b).sum())
            for a, b in zip(weights(model), before, strict=True)
        )
        return math.sqrt(squares), result.grad_norm

    free, norm = moved(32, None)
    assert free == pytest.approx(norm, rel=1e-4)
    for batch_size in (32, 4):
        assert moved(batch_size, norm / 3) == pytest.approx((norm / 3, norm), rel=1e-4)
    assert moved(32, norm * 2)[0] == pytest.approx(norm, rel=1e-4)


def test_nan_is_noticed(model, step, data):
    step.reset(make_optimizer(ADAMW))
    model.variables[3].assign(np.full(model.variables[3].shape, np.nan, np.float32))
    result = make(step, cut(data, np.arange(8), 8), learning_rate=1e-3, update=1, clip_norm=1.0)
    assert not math.isfinite(result.grad_norm)
    model.reset(seed=0, dropout=0.0)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns_and_keeps_float32_weights(tmp_path, data, precision):
    from tuner.training.model import Classifier
    from tuner.training.update import UpdateStep

    model = Classifier(inspect(write_checkpoint(tmp_path / "bert")), 2, precision)
    step = UpdateStep(model, Classification())
    assert {v.dtype for v in model.variables} == {"float32"}
    model.reset(seed=0, dropout=0.1)
    step.reset(make_optimizer(ADAMW))
    rows = np.arange(32)
    made, losses = 0, []
    for _ in range(40):
        result = make(
            step, cut(data, rows, 16), learning_rate=1e-3, update=made + 1, clip_norm=1.0
        )
        assert math.isfinite(result.loss_sum)
        made += not result.skipped
        losses.append(result.loss_sum / 32)
    assert losses[-1] < 0.5 < losses[0]


def test_an_overflow_in_float16_is_skipped_and_changes_no_weight(tmp_path, data):
    from tuner.training.model import Classifier
    from tuner.training.update import UpdateStep

    model = Classifier(inspect(write_checkpoint(tmp_path / "bert")), 2, "mixed_float16")
    step = UpdateStep(model, Classification())
    model.reset(seed=0, dropout=0.0)
    step.reset(make_optimizer(ADAMW))
    step._loss_scale = 2.0**40
    before = weights(model)
    result = make(step, cut(data, np.arange(8), 8), learning_rate=1e-3, update=1, clip_norm=1.0)
    assert result.skipped
    assert math.isfinite(result.loss_sum)
    assert step._loss_scale == 2.0**39
    assert all(np.array_equal(a, b) for a, b in zip(weights(model), before, strict=True))


def test_the_loss_scale_doubles_after_enough_updates_without_overflow(tmp_path, data):
    from tuner.training.model import Classifier
    from tuner.training.update import LOSS_SCALE_GROWTH, UpdateStep

    model = Classifier(inspect(write_checkpoint(tmp_path / "bert")), 2, "mixed_float16")
    step = UpdateStep(model, Classification())
    model.reset(seed=0, dropout=0.0)
    step.reset(make_optimizer(ADAMW))
    before = step._loss_scale
    step._good_updates = LOSS_SCALE_GROWTH - 1
    make(step, cut(data, np.arange(8), 8), learning_rate=1e-5, update=1, clip_norm=1.0)
    assert step._loss_scale == 2 * before
