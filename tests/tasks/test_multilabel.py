"""Scores of sets of labels against scikit-learn, thresholds, and what cannot be labels."""

import numpy as np
import pytest
from sklearn import metrics

from tuner.errors import InputError
from tuner.tasks import Column, Multilabel
from tuner.tasks.label_sets import best_constant, best_thresholds, probabilities

RANDOM = np.random.default_rng(1)
NAMES = ("anger", "fear", "joy")
TRUE = (RANDOM.random((400, 3)) < (0.5, 0.2, 0.05)).astype(np.float32)
LOGITS = TRUE * 2.0 - 1.5 + RANDOM.normal(0, 1.2, TRUE.shape)


def column(*cells):
    return Column(key="data.label", name="y", where="f.csv", cells=cells, rows=range(len(cells)))


def test_scores_are_those_of_scikit_learn():
    made = Multilabel(threshold=0.5).evaluate(LOGITS, TRUE)
    shares = probabilities(LOGITS)
    found = shares > 0.5
    expected = {
        "micro_f1": metrics.f1_score(TRUE, found, average="micro"),
        "macro_f1": metrics.f1_score(TRUE, found, average="macro"),
        "average_precision": metrics.average_precision_score(TRUE, shares),
        "subset_accuracy": metrics.accuracy_score(TRUE, found),
    }
    assert made.scores == pytest.approx(expected)
    assert made.loss == pytest.approx(
        np.mean([metrics.log_loss(TRUE[:, k], shares[:, k]) for k in range(3)])
    )
    assert made.thresholds == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("name", list(Multilabel.scores))
def test_standard_errors_agree_with_drawing_the_rows_again(name):
    task = Multilabel(threshold=0.5)
    drawn = []
    for _ in range(80):
        rows = RANDOM.integers(0, len(TRUE), len(TRUE))
        drawn.append(task.evaluate(LOGITS[rows], TRUE[rows]).scores[name])
    assert task.evaluate(LOGITS, TRUE).errors[name] == pytest.approx(np.std(drawn), rel=0.6)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", ["micro_f1", "macro_f1"])
def test_scores_of_rows_that_are_all_right_or_all_wrong_have_an_error(name, sign):
    rows = TRUE[:40]
    found = Multilabel().evaluate(sign * (20.0 * rows - 10.0), rows, [0.5] * 3)
    assert found.scores[name] == (sign > 0.0)
    # A share of 42 of 44 rows (Agresti & Coull 1998).
    assert found.errors[name] == pytest.approx((42 / 44 * 2 / 44 / 44) ** 0.5)


def test_given_thresholds_are_not_chosen_on_the_rows_that_are_scored():
    free = Multilabel().evaluate(LOGITS, TRUE)
    given = Multilabel().evaluate(LOGITS, TRUE, (0.9, 0.9, 0.9))
    assert given.thresholds == (0.9, 0.9, 0.9)
    assert given.scores["micro_f1"] < free.scores["micro_f1"]


def test_thresholds_for_all_and_for_each_label_exclude_one_another():
    (finding,) = Multilabel(threshold=0.3, threshold_per_label=True).findings()
    assert finding.key == "task.threshold"


def test_no_threshold_of_a_grid_is_better_than_the_chosen_one():
    shares, true = probabilities(LOGITS), TRUE > 0.5
    chosen = best_thresholds(shares, true, per_label=False)
    reached = metrics.f1_score(true, shares > chosen, average="micro")
    for threshold in np.linspace(0.05, 0.95, 19):
        assert metrics.f1_score(true, shares > threshold, average="micro") <= reached + 1e-12
    each = best_thresholds(shares, true, per_label=True)
    for k in range(3):
        best = metrics.f1_score(true[:, k], shares[:, k] > each[k])
        for threshold in np.linspace(0.05, 0.95, 10):
            assert metrics.f1_score(true[:, k], shares[:, k] > threshold) <= best + 1e-12


def test_equal_probabilities_are_predicted_together():
    shares = np.array([[0.4], [0.4], [0.4], [0.1]])
    true = np.array([[True], [False], [True], [False]])
    assert 0.1 < best_thresholds(shares, true, per_label=False) < 0.4


def test_evidence_is_standard_normal_for_guesses_and_large_for_knowledge():
    task = Multilabel()
    evidence = [
        task.evaluate(RANDOM.normal(0, 1, TRUE.shape), TRUE).association for _ in range(120)
    ]
    assert abs(np.mean(evidence)) < 0.3
    assert np.std(evidence) == pytest.approx(1.0, abs=0.2)
    assert task.evaluate(LOGITS, TRUE).association > 8
    assert task.evaluate(np.full(TRUE.shape, -9.0), TRUE).association == 0.0


def test_the_baseline_guesses_the_best_set_and_the_frequencies():
    found = Multilabel().baseline(TRUE, TRUE, 3)
    constant = np.broadcast_to(best_constant(TRUE > 0.5), TRUE.shape)
    assert found.score == pytest.approx(metrics.f1_score(TRUE, constant, average="micro"))
    share = TRUE.mean(axis=0)
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share)).mean()
    assert found.loss == pytest.approx(entropy, rel=1e-5)
    assert found.untrained_loss == pytest.approx(np.log(2))
    assert Multilabel().baseline(TRUE, TRUE[:9], 3).training_baseline == pytest.approx(entropy)


def test_rows_become_zeros_and_ones_and_predictions_lists_of_names():
    task = Multilabel()
    rows = task.read(column(["joy", "anger", "joy"], [], None, ("fear",)))
    assert rows == (("anger", "joy"), (), (), ("fear",))
    assert task.encode(rows, NAMES).tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 1, 0]]
    (found,) = task.predictions(np.array([[0.0, -5.0, 3.0]]), NAMES, [0.4, 0.4, 0.4])
    assert found["labels"] == ["joy", "anger"]
    assert found["probabilities"] == pytest.approx(
        {"anger": 0.5, "fear": 0.0067, "joy": 0.9526}, abs=1e-4
    )


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((["01", "1"], ["011"]), (("01", "1"), ("011",))),
        (([1, 2.0], [1.0]), (("1", "2"), ("1",))),
        (([2**60, 2**60 + 1], [1.0]), ((str(2**60), str(2**60 + 1)), ("1",))),
        (([1.0, "a"], [1]), (("1.0", "a"), ("1",))),
    ],
)
def test_labels_are_read_as_those_of_a_classification(cells, expected):
    assert Multilabel().read(column(*cells)) == expected


def test_strata_are_the_rarest_labels_of_rows():
    task = Multilabel()
    rows = (("a", "b"), ("a",), (), ("a",))
    assert list(task.strata(rows)) == ["b", "a", "", "a"]
    assert task.strata(task.encode(rows, ("a", "b"))).tolist() == [1, 0, -1, 0]


@pytest.mark.parametrize("cell", [["a", None], ["a", float("nan")], [["a"]], ["a", " "]])
def test_an_item_that_is_no_label_is_refused(cell):
    with pytest.raises(InputError, match="no label"):
        Multilabel().read(column(["a"], cell))


@pytest.mark.parametrize("cell", ["a|b", 3, True])
def test_what_is_no_list_is_refused_with_all_ways_to_write_one(cell):
    with pytest.raises(InputError) as refused:
        Multilabel().read(column(["a"], cell))
    assert "row 2 of f.csv" in refused.value.where
    for key in ("data.label_separator", "data.label_columns"):
        assert key in refused.value.remedy


def test_one_label_for_every_row_is_another_task():
    with pytest.raises(InputError) as refused:
        Multilabel().names((("a",), ("b",)), "f.csv")
    assert "task=classification" in refused.value.remedy
    with pytest.raises(InputError, match="no row has a label"):
        Multilabel().names(((), ()), "f.csv")
