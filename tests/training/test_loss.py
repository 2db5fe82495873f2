"""Smoothed and weighted losses: the formula, and the same update however it is cut."""

import numpy as np
import pytest

from tests.components import loss_options as options
from tests.components import make_optimizer
from tests.tiny_checkpoints import write_checkpoint
from tuner.checkpoints import inspect
from tuner.tasks import Classification
from tuner.training.batches import micro_batches, updates
from tuner.trial.budget import Budget

pytestmark = pytest.mark.tf

ADAMW = {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1, "epsilon": 1e-6}
WEIGHTS = np.array([0.3, 2.5])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from tuner.training.model import Classifier

    folder = write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "bert", seed=3)
    return Classifier(inspect(folder), 2)


@pytest.fixture(scope="module")
def step(model):
    from tuner.training.update import UpdateStep

    return UpdateStep(model, Classification())


def by_hand(logits, labels, smoothing, weights):
    """The definition in float64: row losses with their weights in them, and these weights."""
    z = logits.astype(np.float64)
    log_shares = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    target = np.full(z.shape, smoothing / z.shape[1])
    target[np.arange(len(labels)), labels] += 1.0 - smoothing
    return -(target * weights * log_shares).sum(axis=1), weights[labels]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("weights", [None, np.array([0.2, 1.0, 3.5, 0.9])])
def test_sums_equal_the_formula(smoothing, weights):
    from tuner.tasks.weighted_cross_entropy import WeightedCrossEntropy

    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (50, 4)).astype(np.float32)
    labels = random.integers(0, 4, 50).astype(np.int32)
    loss = WeightedCrossEntropy(4)
    loss.reset(options(0.5, (9.0, 8.0, 7.0, 6.0)))  # What another trial had.
    loss.reset(options(smoothing, weights))
    plain, weighted = loss.sums(logits, labels)
    ones = np.ones(4) if weights is None else weights
    rows, each = by_hand(logits, labels, smoothing, ones)
    assert float(plain) == pytest.approx(
        by_hand(logits, labels, 0.0, np.ones(4))[0].sum(), rel=1e-6
    )
    assert float(weighted) == pytest.approx(rows.sum(), rel=1e-6)
    assert loss.total_weight(labels) == pytest.approx(each.sum(), rel=1e-6)


def weights_after(model, step, data, batch_size):
    """Ten updates at an effective batch of 32, of which every fifth has 14 examples."""
    from tuner.training.micro_batch import MicroBatch

    model.reset(seed=0, dropout=0.0)
    step.reset(make_optimizer(ADAMW), loss=options(0.1, WEIGHTS))
    lengths = np.asarray(data.train.lengths[:142])
    budget = Budget(train_examples=142, effective_batch=32, epochs=2.0, evaluations=1)
    for number, rows in enumerate(updates(lengths, budget, seed=0), start=1):
        micro = []
        for part in micro_batches(rows, batch_size):
            ids, types, tokens = data.train.pad(part)
            labels = data.train.labels[part]
            micro.append(
                MicroBatch(ids=ids, types=types, lengths=tokens.astype(np.int32), labels=labels)
            )
        step(micro, learning_rate=1e-3, update=number, clip_norm=1.0)
    assert number == 10
    return [np.array(v.numpy()) for v in model.variables]


def test_every_cut_gives_the_same_parameters_with_weights_and_smoothing(model, step, data):
    whole = weights_after(model, step, data, 32)
    for batch_size in (16, 8, 4):
        other = weights_after(model, step, data, batch_size)
        for variable, a, b in zip(model.variables, whole, other, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6, err_msg=variable.path)


def test_an_update_is_divided_by_the_weights_of_all_its_rows(model, step, data):
    """Against plain updates of rows repeated: weights 1 and 3 are each row of label 1 thrice."""
    from tuner.training.micro_batch import MicroBatch

    rows = np.arange(12)
    labels = data.train.labels[rows]

    def moved(chosen, weights):
        model.reset(seed=0, dropout=0.0)
        step.reset(
            make_optimizer({"name": "sgd", "learning_rate": 0.1}), loss=options(0.0, weights)
        )
        ids, types, tokens = data.train.pad(chosen)
        batch = MicroBatch(
            ids=ids, types=types, lengths=tokens.astype(np.int32), labels=data.train.labels[chosen]
        )
        step([batch], learning_rate=0.1, update=1, clip_norm=None)
        return [np.array(v.numpy()) for v in model.variables]

    weighted = moved(rows, np.array([1.0, 3.0]))
    repeated = moved(np.repeat(rows, np.where(labels == 1, 3, 1)), None)
    for variable, a, b in zip(model.variables, weighted, repeated, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6, err_msg=variable.path)
