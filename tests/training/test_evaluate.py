import numpy as np
import pytest
from sklearn import metrics

from tuner.checkpoints import inspect
from tuner.tasks import Classification

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def model(workspace):
    from tuner.training.model import Classifier

    made = Classifier(inspect(workspace / "bert"), 2)
    made.reset(seed=0, dropout=0.5)
    made.variables[-2].assign(np.random.default_rng(0).normal(0, 1, made.variables[-2].shape))
    return made


@pytest.fixture(scope="module")
def evaluator(model):
    from tuner.training.evaluate import Evaluator

    return Evaluator(model, Classification())


class Counting:
    """A split that counts how often each row was asked for."""

    def __init__(self, split):
        self.split = split
        self.seen = np.zeros(len(split.labels), int)

    def __getattr__(self, name):
        return getattr(self.split, name)

    def __len__(self):
        return len(self.split)

    def pad(self, rows, length_multiple=1):
        self.seen[rows] += 1
        return self.split.pad(rows, length_multiple)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 80, 1000])
def test_every_row_counts_once_for_any_batch_size(evaluator, data, batch_size):
    split = Counting(data.validation)
    rows, fixed = np.arange(80), np.arange(0, 80, 3)
    whole, _ = evaluator.evaluate(data.validation, rows, fixed, 80)
    made, part = evaluator.evaluate(split, rows, fixed, batch_size)
    assert (split.seen == 1).all()
    assert made.examples == 80
    assert made.confusion == whole.confusion
    assert made.loss == pytest.approx(whole.loss, rel=1e-5)
    alone, _ = evaluator.evaluate(data.validation, fixed, fixed, 80)
    assert part.examples == len(fixed)
    assert part.confusion == alone.confusion
    assert (part.loss, part.loss_error) == pytest.approx((alone.loss, alone.loss_error), rel=1e-5)


@pytest.mark.parametrize("batch_size", [7, 1000])
def test_compiled_it_gives_the_same_logits_for_any_batch_size(model, evaluator, data, batch_size):
    from tuner.training.evaluate import Evaluator

    compiled = Evaluator(model, Classification(), compiled=True)
    rows = np.arange(0, 80, 3)
    np.testing.assert_allclose(
        compiled.logits(data.validation, rows, batch_size),
        evaluator.logits(data.validation, rows, batch_size),
        atol=1e-5,
    )
    assert compiled.traces == 1


def test_loss_and_confusion_match_scikit_learn(evaluator, data):
    rows = np.arange(80)
    made, _ = evaluator.evaluate(data.validation, rows, rows, 32)
    logits = evaluator.logits(data.validation, rows, 32).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = data.validation.labels
    assert made.loss == pytest.approx(metrics.log_loss(labels, shares), rel=1e-6)
    expected = metrics.confusion_matrix(labels, logits.argmax(axis=1))
    assert made.confusion == expected.tolist()


def test_logits_come_in_the_order_of_the_rows(evaluator, data):
    rows = np.arange(80)
    forward = evaluator.logits(data.validation, rows, 16)
    backward = evaluator.logits(data.validation, rows[::-1], 16)
    np.testing.assert_allclose(forward, backward[::-1], atol=1e-5)


def test_one_trace_serves_all_batches(evaluator, data):
    rows = np.arange(80)
    for batch_size in (1, 7, 80):
        evaluator.evaluate(data.validation, rows, rows, batch_size)
    assert evaluator.traces == 1
