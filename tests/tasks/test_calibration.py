"""Temperature of probabilities, compared with scikit-learn's."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from tuner.tasks import (
    Aligned,
    Classification,
    Decisions,
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


def decisions(logits, labels):
    """One decision a row."""
    return Decisions(logits, labels, np.arange(len(labels)))


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
    found = calibrate(decisions(*rows(4000, 2.5)))
    assert found.temperature == pytest.approx(2.5, rel=0.1)
    assert found.error > 0.15
    assert found.calibrated_error < 0.03
    found = calibrate(decisions(*rows(4000, 1.0)))
    assert found.temperature == pytest.approx(1.0, rel=0.1)
    assert max(found.error, found.calibrated_error) < 0.03


def test_rows_that_are_all_right_say_nothing_and_those_all_wrong_have_a_bound():
    unsure = np.tile([[0.3, 0.0]], (20, 1))
    assert calibrate(decisions(unsure, np.zeros(20, int))).temperature == 1.0
    wrong = calibrate(decisions(np.eye(3)[:1], np.array([2])))
    assert wrong.temperature == pytest.approx(LIMITS[1], rel=1e-3)


def test_rows_are_judged_by_the_temperature_of_others():
    # Each part is sure of itself, and the others speak against it.
    logits = np.tile([[4.0, 0.0]], (5, 1))
    labels = np.array([0, 1, 1, 1, 1])
    right = 1 / (1 + np.exp(-4.0 / temperature(logits[1:], labels[1:])))
    other = 1 / (1 + np.exp(-4.0 / temperature(logits[:4], labels[:4])))
    found = calibrate(decisions(logits, labels))
    assert found.error == pytest.approx(abs(1 - 5 / (1 + np.exp(-4.0))) / 5)
    assert right == pytest.approx(1 / (1 + np.exp(-4 / LIMITS[1])), rel=1e-3)
    assert found.calibrated_error == pytest.approx(abs(1 - right - 4 * other) / 5, abs=0.02)


def test_decisions_of_a_row_are_judged_by_other_rows():
    # The first of two labels is too sure; the temperature of the other one does not mend that.
    logits, labels = rows(600, 1.0)
    sure, true = np.vstack([logits * 8, logits]), np.tile(labels, 2)
    by_row = calibrate(Decisions(sure, true, np.tile(np.arange(600), 2)))
    by_label = calibrate(Decisions(sure, true, np.repeat([0, 1], 600)))
    assert by_row.temperature == by_label.temperature
    assert by_row.calibrated_error < by_label.calibrated_error - 0.02


def test_a_task_gives_its_decisions_if_its_outputs_have_probabilities():
    outputs, targets = np.array([[1.0, 2.0]]), np.array([1])
    assert Classification().decisions(outputs, targets) == (outputs, targets, range(1))
    logits, labels, places = Multilabel().decisions(
        np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    )
    assert logits.tolist() == [[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [0.0, 4.0]]
    assert (labels.tolist(), places.tolist()) == ([0, 1, 1, 0], [0, 0, 1, 1])
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
    logits, labels, places = TokenClassification().decisions(outputs, aligned)
    assert (logits.tolist(), labels.tolist()) == (outputs[1:].tolist(), [0, 1, 0])
    assert places.tolist() == [0, 1, 1]
    choices = Aligned(
        inputs=np.array([0, 2, 4]), offsets=np.arange(5), places=np.zeros(4, int),
        texts=("a", "b"), targets=((1, "y"), (0, "x")),
    )  # fmt: skip
    logits, labels, places = MultipleChoice().decisions(
        np.array([[1.0], [2.0], [3.0], [4.0]]), choices
    )
    assert (logits.tolist(), labels.tolist()) == ([[1.0, 2.0], [3.0, 4.0]], [1, 0])
    assert list(places) == [0, 1]


@pytest.mark.parametrize(("probability", "temperature"), [(0.3, 2.0), (0.9, 0.5)])
def test_a_threshold_takes_the_temperature_of_its_logit(probability, temperature):
    odds = (probability / (1 - probability)) ** (1 / temperature)
    assert tempered(probability, temperature) == pytest.approx(odds / (1 + odds))
    assert (tempered(0.0, temperature), tempered(1.0, temperature)) == (0.0, 1.0)
