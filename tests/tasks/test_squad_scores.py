"""Scores of answers against those of torchmetrics 1.9, `torchmetrics.functional.text.squad`."""

import pytest

from tuner.tasks.squad_scores import answer_score, best_constant


@pytest.mark.parametrize(
    ("found", "true", "exact", "f1"),
    [
        ("the Oslo!", ["Oslo"], 1, 1.0),
        ("in Oslo town", ["Oslo", "in Oslo"], 0, 0.8),
        ("", ["Oslo"], 0, 0.0),
        ("A.B. c", ["ab c"], 1, 1.0),
        ("naïve  Café's", ["Naïve cafés"], 1, 1.0),
        ("an apple a day", ["apple day the"], 1, 1.0),
        ("x x y", ["x y y"], 0, 2 / 3),
        ("1,000 km", ["1000 km", "1000"], 1, 1.0),
        ("“quoted”", ["quoted"], 0, 0.0),
        ("anthem", ["them"], 0, 0.0),
        ("U.S.-led", ["us led"], 0, 0.0),
        ("the", ["a"], 1, 1.0),
    ],
)
def test_scores_are_those_of_torchmetrics(found, true, exact, f1):
    assert answer_score(found, true) == (exact, pytest.approx(f1))


@pytest.mark.parametrize(
    ("found", "true", "score"),
    [
        ("", [], 1.0),
        ("Oslo", [], 0.0),
        ("the", [], 1.0),
        ("", ["the"], 1.0),  # Nothing is left of the answer, so that there is none.
        ("", ["the", "Oslo"], 0.0),
    ],
)
def test_no_answer_is_right_where_there_is_none(found, true, score):
    assert answer_score(found, true) == (score, score)


def test_the_best_constant_is_the_answer_of_most_rows():
    assert best_constant([["Oslo", "oslo"], [], ["The Oslo"], ["Rome"]]) == "oslo"
    assert best_constant([["Oslo"], [], []]) == ""
