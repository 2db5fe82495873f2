"""Scores by class are those of the definition, and few enough to be read."""

import pytest

from tuner.tasks.class_scores import FEW_CLASSES, WEAKEST, class_scores, shown_scores


def test_two_classes():
    negative, positive = class_scores([[40, 10], [5, 45]], ("bad", "good"))
    assert (negative.label, negative.rows, positive.rows) == ("bad", 50, 50)
    assert (negative.precision, negative.recall) == pytest.approx((40 / 45, 40 / 50))
    assert (positive.precision, positive.recall) == pytest.approx((45 / 55, 45 / 50))
    assert negative.f1 == pytest.approx(2 * (40 / 45) * 0.8 / (40 / 45 + 0.8))
    assert shown_scores([negative, positive]).others == ""


def test_a_class_that_nobody_predicted_or_has_no_rows_scores_0():
    never, absent, _ = class_scores([[0, 0, 4], [0, 0, 0], [0, 1, 5]], ("a", "b", "c"))
    assert (never.precision, never.recall, never.f1) == (0.0, 0.0, 0.0)
    assert (absent.rows, absent.recall, absent.f1) == (0, 0.0, 0.0)


def test_of_many_classes_the_weakest_are_shown_and_the_others_counted():
    size = 77
    matrix = [[0] * size for _ in range(size)]
    for index in range(size - 1):
        matrix[index][index] = index + 1
        matrix[index][(index + 1) % size] += 38
    found = shown_scores(class_scores(matrix, [f"class {i}" for i in range(size)]))
    f1 = [each.f1 for each in found.scores]
    assert len(f1) == WEAKEST
    assert f1 == sorted(f1)
    assert found.scores[0].label == "class 0"
    assert "8 of 77" in found.others
    assert "other 68" in found.others
    assert "1 have no validation rows" in found.others


def test_the_last_number_of_classes_that_are_all_shown():
    labels = [str(i) for i in range(FEW_CLASSES)]
    matrix = [[int(i == j) for j in range(FEW_CLASSES)] for i in range(FEW_CLASSES)]
    assert len(shown_scores(class_scores(matrix, labels)).scores) == FEW_CLASSES


def test_names_of_other_labels_are_not_put_to_wrong_rows():
    assert [each.label for each in class_scores([[1, 0], [0, 1]], ("only one",))] == ["0", "1"]
