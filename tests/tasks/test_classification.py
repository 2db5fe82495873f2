"""Scores of probabilities against scikit-learn: random, tied, with absent labels, diverged."""

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from tuner.errors import InputError
from tuner.tasks import Classification
from tuner.tasks.cells import Column
from tuner.tasks.probability_scores import brier, calibration_error
from tuner.tasks.ranking import auroc, average_precision
from tuner.tasks.row_losses import softmax

TASK = Classification()
OF_PROBABILITIES = ("auroc", "average_precision", "brier", "ece")
WORST = {"auroc": 0.0, "average_precision": 0.0, "brier": 2.0, "ece": 1.0}


def drawn(labels, rows, *, seed=0, tied=False):
    """Targets and logits that know something about them."""
    random = np.random.default_rng([labels, rows, seed])
    targets = random.integers(0, labels, rows)
    targets[:labels] = np.arange(labels)
    outputs = random.normal(0, 1.5, (rows, labels)) + 1.5 * (targets[:, None] == range(labels))
    return (np.round(outputs) if tied else outputs), targets


def guo(shares, targets):
    """Expected calibration error as Guo et al. (2017) define it, bin by bin."""
    confidence, right = shares.max(axis=1), shares.argmax(axis=1) == targets
    total = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            gap = right[inside].mean() - confidence[inside].mean()
            total += inside.mean() * abs(gap)
    return total


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("labels", "rows"), [(2, 4), (2, 300), (3, 300), (7, 40), (77, 500)])
def test_scores_of_probabilities_are_those_of_scikit_learn(labels, rows, tied):
    outputs, targets = drawn(labels, rows, tied=tied)
    shares, numbers = softmax(outputs), np.arange(labels)
    areas = {"y_score": shares[:, 1]} if labels == 2 else {"y_score": shares, "multi_class": "ovr"}
    expected = {
        "auroc": reference.roc_auc_score(targets, **areas),
        "average_precision": reference.average_precision_score(
            targets[:, None] == numbers, shares, average="macro"
        ),
        "brier": reference.brier_score_loss(targets, shares, labels=numbers),
        "ece": guo(shares, targets),
    }
    found = TASK.evaluate(outputs, targets).scores
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_labels_without_validation_rows_are_left_out_of_means():
    outputs, targets = drawn(3, 60)
    outputs, targets = outputs[targets != 1], targets[targets != 1]
    shares = softmax(outputs)
    found = TASK.evaluate(outputs, targets).scores
    area = np.mean([reference.roc_auc_score(targets == k, shares[:, k]) for k in (0, 2)])
    precision = [reference.average_precision_score(targets == k, shares[:, k]) for k in (0, 2)]
    assert found["auroc"] == pytest.approx(area)
    assert found["average_precision"] == pytest.approx(np.mean(precision))


@pytest.mark.parametrize("labels", [2, 3])
def test_rows_of_one_label_have_no_order(labels):
    outputs, _ = drawn(labels, 20)
    made = TASK.evaluate(outputs, np.zeros(20, int))
    assert made.scores["auroc"] == 0.5
    assert made.scores["average_precision"] == 1.0
    assert all(map(math.isfinite, [*made.scores.values(), *made.errors.values()]))


def test_a_single_row_has_scores_and_errors():
    made = TASK.evaluate(np.array([[2.0, 0.0]]), np.array([0]))
    assert made.scores["brier"] == pytest.approx(softmax(np.array([[2.0, 0.0]]))[0, 1] ** 2)
    assert all(map(math.isfinite, [*made.scores.values(), *made.errors.values()]))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_model_that_diverged_has_the_worst_scores():
    outputs, targets = drawn(3, 30)
    outputs[4, 1] = np.nan
    found = TASK.evaluate(outputs, targets).scores
    assert {name: found[name] for name in OF_PROBABILITIES} == WORST


@pytest.mark.parametrize("score", [auroc, average_precision, brier, calibration_error])
@pytest.mark.parametrize("labels", [2, 5])
def test_standard_errors_agree_with_fresh_rows(labels, score):
    made = []
    for seed in range(1, 201):
        outputs, targets = drawn(labels, 300, seed=seed)
        # Sharper by three: where confidence is right the sign of its distance is not known.
        made.append(score(softmax(3.0 * outputs), targets[:, None] == np.arange(labels)))
    values, errors = np.transpose(made)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.2)


def test_a_perfect_order_of_few_rows_has_an_error():
    made = TASK.evaluate(np.array([[3.0, 0.0], [2.0, 0.0], [0.0, 2.0]]), np.array([0, 0, 1]))
    assert made.scores["auroc"] == made.scores["average_precision"] == 1.0
    assert made.errors["auroc"] == made.errors["average_precision"] > 0.1


def test_every_score_is_within_its_range():
    made = TASK.evaluate(*drawn(3, 50))
    assert set(made.scores) == set(made.errors) == set(TASK.scores)
    for name, score in TASK.scores.items():
        assert score.values.clip(made.scores[name]) == made.scores[name]
    assert {name for name, score in TASK.scores.items() if score.direction == "minimize"} == {
        "brier",
        "ece",
    }


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (
            [str(number) for number in range(41) if number not in (7, 9)],
            ["0 to 40", "=regression"],
        ),
        ([str(number) for number in range(10)], []),
        ([f"intent {number}" for number in range(77)], []),
    ],
)
def test_many_whole_numbers_are_asked_about(names, asked):
    warnings = TASK.describe(names * 2, names, names).warnings
    assert len(warnings) == bool(asked)
    assert all(part in warnings[0] for part in asked)


def test_labels_of_one_training_row_are_named():
    names = ("a", "b", "c")
    (warning,) = TASK.describe(["a", "b", "b", "c"], names, names).warnings
    assert "2 labels have one training row: a, c" in warning


@pytest.mark.parametrize(
    ("cell", "task"),
    [
        (["a", "b"], "task=multilabel"),
        (["B-person", "O"], "task=token_classification"),
        ({"text": ["a"], "answer_start": [0]}, "task=question_answering"),
    ],
)
def test_targets_of_another_task_are_refused_with_its_name(cell, task):
    column = Column(key="data.label", name="label", where="t.json", cells=["a", cell], rows=[0, 1])
    with pytest.raises(InputError) as refused:
        TASK.read(column)
    assert task in refused.value.remedy
    assert "row 2" in refused.value.where
