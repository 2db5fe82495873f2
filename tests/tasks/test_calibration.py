"""Temperature of probabilities, compared with scikit-learn's."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from tuner.tasks import (
    Aligned,
    Classification,
    Multilabel,
    MultipleChoice,
    Regression,
    TokenClassification,
)
from tuner.tasks.calibration import LIMITS, calibrate, temperature, tempered

RANDOM = np.random.default_rng(0)


class Logits(ClassifierMixin, BaseEstimator):
    """A classifier whose decisions are its inputs."""

    def __init__(self):
        self.classes_ = np.arange(3)

    def fit(self, x, y):
        return self

    def decision_function(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)


def rows(count, true_temperature):
    """Logits, and labels drawn with their probabilities at a temperature."""
    logits = RANDOM.normal(0.0, 3.0, (count, 3))
    noise = RANDOM.gumbel(size=logits.shape)
    return logits, (logits / true_temperature + noise).argmax(axis=1)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_that_of_scikit_learn(true_temperature):
    logits, labels = rows(400, true_temperature)
    theirs = CalibratedClassifierCV(FrozenEstimator(Logits()), method="temperature")
    theirs.fit(logits, labels)
    beta = theirs.calibrated_classifiers_[0].calibrators[0].beta_
    assert temperature(logits, labels) == pytest.approx(1.0 / beta, rel=1e-3)


def test_it_mends_probabilities_that_are_too_sure_and_leaves_right_ones_alone():
    found = calibrate(*rows(4000, 2.5))
    assert found.temperature == pytest.approx(2.5, rel=0.1)
    assert found.error > 0.15
    assert found.calibrated_error < 0.03
    found = calibrate(*rows(4000, 1.0))
    assert found.temperature == pytest.approx(1.0, rel=0.1)
    assert max(found.error, found.calibrated_error) < 0.03


def test_where_every_row_is_right_or_wrong_the_temperature_has_a_bound():
    assert LIMITS[0] <= calibrate(np.eye(3), np.arange(3)).temperature < 3 * LIMITS[0]
    assert calibrate(np.eye(3)[:1], np.array([2])).temperature == pytest.approx(
        LIMITS[1], rel=1e-3
    )


def test_rows_are_judged_by_the_temperature_of_others():
    # Each part is sure of itself, and the others speak against it.
    logits = np.tile([[4.0, 0.0]], (5, 1))
    labels = np.array([0, 1, 1, 1, 1])
    right = 1 / (1 + np.exp(-4.0 / temperature(logits[1:], labels[1:])))
    other = 1 / (1 + np.exp(-4.0 / temperature(logits[:4], labels[:4])))
    found = calibrate(logits, labels)
    assert found.error == pytest.approx(abs(1 - 5 / (1 + np.exp(-4.0))) / 5)
    assert right == pytest.approx(1 / (1 + np.exp(-4 / LIMITS[1])), rel=1e-3)
    assert found.calibrated_error == pytest.approx(abs(1 - right - 4 * other) / 5, abs=0.02)


def test_a_task_gives_its_decisions_if_its_outputs_have_probabilities():
    outputs, targets = np.array([[1.0, 2.0]]), np.array([1])
    assert Classification().decisions(outputs, targets) == (outputs, targets)
    logits, labels = Multilabel().decisions(outputs, np.array([[0.0, 1.0]]))
    assert logits.tolist() == [[0.0, 1.0], [0.0, 2.0]]
    assert labels.tolist() == [0, 1]
    assert Regression().decisions(outputs, targets) is None


def test_words_and_choices_are_decisions_too():
    # Two sentences of two words; the second word of the first is cut off, a token begins none.
    aligned = Aligned(
        inputs=np.array([0, 1, 2]),
        offsets=np.array([0, 2, 4]),
        places=np.array([-1, 0, 0, 1]),
        texts=(("a", "b"), ("c", "d")),
        targets=(("O", "B-x"), ("B-x", "O")),
        names=("O", "B-x"),
    )
    outputs = np.arange(8.0).reshape(4, 2)
    logits, labels = TokenClassification().decisions(outputs, aligned)
    assert (logits.tolist(), labels.tolist()) == (outputs[1:].tolist(), [0, 1, 0])
    choices = Aligned(
        inputs=np.array([0, 2, 4]), offsets=np.arange(5), places=np.zeros(4, int),
        texts=("a", "b"), targets=((1, "y"), (0, "x")),
    )  # fmt: skip
    logits, labels = MultipleChoice().decisions(np.array([[1.0], [2.0], [3.0], [4.0]]), choices)
    assert (logits.tolist(), labels.tolist()) == ([[1.0, 2.0], [3.0, 4.0]], [1, 0])


@pytest.mark.parametrize(("probability", "temperature"), [(0.3, 2.0), (0.9, 0.5)])
def test_a_threshold_takes_the_temperature_of_its_logit(probability, temperature):
    odds = (probability / (1 - probability)) ** (1 / temperature)
    assert tempered(probability, temperature) == pytest.approx(odds / (1 + odds))
    assert (tempered(0.0, temperature), tempered(1.0, temperature)) == (0.0, 1.0)
