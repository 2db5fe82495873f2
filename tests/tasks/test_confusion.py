import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from tuner.tasks.confusion import accuracy, macro_f1, majority_share, matthews_correlation


def drawn(labels, rows, seed):
    random = np.random.default_rng(seed)
    true = random.integers(0, labels, rows)
    predicted = np.where(random.random(rows) < 0.6, true, random.integers(0, labels, rows))
    confusion = np.zeros((labels, labels), int)
    np.add.at(confusion, (true, predicted), 1)
    return true, predicted, confusion.tolist()


@pytest.mark.parametrize("labels", [2, 3, 7, 77])
@pytest.mark.parametrize("rows", [1, 5, 400])
def test_matches_scikit_learn(labels, rows):
    true, predicted, confusion = drawn(labels, rows, seed=labels * 1000 + rows)
    assert accuracy(confusion) == pytest.approx(reference.accuracy_score(true, predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns where a score is not defined
        f1 = reference.f1_score(true, predicted, average="macro")
        mcc = reference.matthews_corrcoef(true, predicted)
    assert macro_f1(confusion) == pytest.approx(f1)
    assert matthews_correlation(confusion) == pytest.approx(mcc)


def test_always_the_same_prediction():
    confusion = [[30, 0], [10, 0]]
    assert accuracy(confusion) == 0.75
    assert macro_f1(confusion) == pytest.approx((2 * 30 / 70) / 2)
    assert matthews_correlation(confusion) == 0.0


def test_the_order_of_the_labels_changes_nothing():
    for seed in range(20):
        _, _, confusion = drawn(5, 60, seed)
        turned = [row[::-1] for row in confusion[::-1]]
        assert macro_f1(turned) == macro_f1(confusion)
        assert matthews_correlation(turned) == matthews_correlation(confusion)


def test_no_rows():
    assert accuracy([[0, 0], [0, 0]]) == 0.0
    assert macro_f1([[0, 0], [0, 0]]) == 0.0


def test_the_majority_share_is_that_of_the_commonest_prediction():
    assert majority_share([[5, 1], [3, 1]]) == 0.8
    assert majority_share([[0, 6], [0, 4]]) == 1.0
    assert majority_share([[0, 0], [0, 0]]) == 0.0
