"""Scores of choices against scikit-learn and SciPy, and predictions in the user's terms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn import metrics

from tuner.errors import InputError
from tuner.tasks import Aligned, Column, MultipleChoice

TASK = MultipleChoice()
NAMES = ("0", "1", "2")
RANDOM = np.random.default_rng(5)


def column(cells, choices):
    return Column(
        key="data.label",
        name="right",
        where="f.csv",
        cells=cells,
        rows=range(len(cells)),
        pairs=choices,
    )


def aligned(right, choices=3):
    """Rows whose choices have one token each."""
    inputs = choices * np.arange(len(right) + 1)
    return Aligned(
        inputs=inputs,
        offsets=np.arange(inputs[-1] + 1),
        places=np.tile(np.arange(choices), len(right)),
        texts=["?"] * len(right),
        pairs=[tuple("xyz")[:choices]] * len(right),
        targets=[(int(number), choices) for number in right],
    )


def test_targets_are_numbers_with_the_number_of_choices():
    targets = TASK.read(column(["b", "A"], [("x", "y", "z"), ("u", "v", "w")]))
    assert targets == ((1, 3), (0, 3))
    assert TASK.names(targets, "f.csv") == NAMES
    assert TASK.encode(targets, NAMES).tolist() == [1, 0]
    assert TASK.strata(targets) == [1, 0]
    assert TASK.target_spec(len(NAMES)).inputs == 3


@pytest.mark.parametrize(
    ("cells", "choices"),
    [
        ([0, 1], [("x", "y"), ("u", "v", "w")]),
        ([0], [("x",)]),
        ([0], [("x", "x")]),
        ([2], [("x", "y")]),
    ],
)
def test_rows_that_cannot_be_scored_are_refused(cells, choices):
    with pytest.raises(InputError):
        TASK.read(column(cells, choices))


def test_another_split_has_as_many_choices():
    targets = TASK.read(column([0, 1], [("x", "y"), ("x", "y")]))
    with pytest.raises(InputError, match="2 choices, the training rows 3"):
        TASK.known(targets, NAMES, "f.csv")
    assert TASK.known(targets, NAMES[:2], "f.csv") == targets


def test_scores_are_those_of_scikit_learn():
    right = RANDOM.integers(0, 3, 200).astype(np.int32)
    outputs = RANDOM.normal(0, 1, (600, 1))
    outputs[np.arange(200) * 3 + right, 0] += 1.0
    rows = outputs.reshape(200, 3)
    made = TASK.evaluate(outputs, aligned(right))
    accuracy = metrics.accuracy_score(right, rows.argmax(axis=1))
    assert made.scores == {"accuracy": pytest.approx(accuracy)}
    adjusted = (accuracy * 200 + 2) / 204  # Agresti & Coull 1998.
    assert made.errors["accuracy"] == pytest.approx(math.sqrt(adjusted * (1 - adjusted) / 204))
    assert made.loss == pytest.approx(metrics.log_loss(right, np.exp(log_softmax(rows, axis=1))))
    assert made.association > 5


def test_metrics_of_users_get_indices_and_probabilities():
    right, shares = TASK.for_metrics(np.log([[1.0], [3.0], [2.0], [2.0]]), aligned([1, 0], 2))
    assert right.tolist() == [1, 0]
    assert shares == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]))


def test_evidence_is_standard_normal_for_guesses_wherever_right_choices_are():
    right = aligned(np.zeros(300))
    found = [TASK.evaluate(RANDOM.normal(0, 1, (900, 1)), right).association for _ in range(300)]
    assert abs(np.mean(found)) < 0.25
    assert np.std(found) == pytest.approx(1.0, abs=0.15)


def test_equal_scores_are_no_evidence():
    made = TASK.evaluate(np.zeros((900, 1)), aligned(np.zeros(300)))
    assert made.scores["accuracy"] == 1.0
    assert made.association == 0.0
    assert made.majority_share == 1.0


def test_the_baseline_is_the_most_frequent_position_and_the_loss_of_equal_shares():
    train = np.array([1, 1, 1, 0], np.int32)
    found = TASK.baseline(train, aligned([1, 0, 0, 1, 1]), 3)
    assert (found.name, found.score) == ("accuracy", 0.6)
    assert found.loss == found.training == found.untrained_loss == pytest.approx(math.log(3))


def test_a_right_choice_that_is_always_the_first_is_no_baseline():
    found = TASK.baseline(np.zeros(4, np.int32), aligned([0, 0]), 3)
    assert found.score == pytest.approx(1 / 3)
    assert found.loss == pytest.approx(math.log(3))
    sure = np.tile([[5.0], [0.0], [0.0]], (4, 1))
    assert TASK.evaluate(sure, aligned([0, 0, 0, 0])).majority_share == 0.25


def test_rows_may_have_other_numbers_of_choices_than_training():
    rows = Aligned(
        inputs=np.array([0, 3, 8]),
        offsets=np.arange(9),
        places=np.array([0, 1, 2, 0, 1, 2, 3, 4]),
        texts=["?", "?"],
        pairs=[tuple("xyz"), tuple("abcde")],
        targets=[],
    )
    outputs = np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0])[:, None]
    first, second = TASK.predictions(outputs, NAMES, aligned=rows)
    assert (first["choice"], second["choice"]) == ("y", "e")
    assert len(first["probabilities"]) == 3
    assert len(second["probabilities"]) == 5


def test_predictions_have_text_number_and_probabilities():
    outputs = np.array([[0.0], [math.log(3.0)], [math.log(4.0)], [1.0], [0.0], [0.0]])
    rows = replace(aligned([0, 0]), pairs=(("x", "y", "z"), ("u", "v", "w")))
    first, second = TASK.predictions(outputs, NAMES, aligned=rows)
    assert (first["choice"], first["index"], second["choice"]) == ("z", 2, "u")
    assert (TASK.shown(first), TASK.written(first)) == ("2 z", "z")
    assert TASK.shown_target((2, 3)) == "2"
    assert first["probability"] == pytest.approx(0.5)
    assert first["probabilities"] == pytest.approx({"0": 0.125, "1": 0.375, "2": 0.5})
