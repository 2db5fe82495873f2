"""Permission to score the test rows, and the text of the result."""

import math
import statistics
from dataclasses import replace

import pytest

from tests.goals import goals
from tuner.confirmation import (
    EvaluatedModel,
    FinalEvaluation,
    evaluated_scores,
    second_evaluation_refusal,
)
from tuner.confirmation.final_evaluation import final_evaluation_text, wilson_interval
from tuner.tasks import Evaluation
from tuner.tasks.confusion import accuracy, confusion_error, macro_f1, matthews_correlation

SUBJECT = EvaluatedModel(trial=3, seed=2, rows="abc")
GOALS = goals(["val_accuracy"])
CONFUSION = [[30, 10], [5, 55]]
LOSSES = [0.1] * 85 + [1.1] * 15


def looked(**given):
    scores = scored(CONFUSION, LOSSES)
    values = {"examples": 100, "in_training": 0, "in_validation": 0, "scores": scores}
    return FinalEvaluation(subject=SUBJECT, **values | given)


def test_scores_have_the_errors_that_the_reading_gives_them():
    found = scored(CONFUSION, LOSSES)
    assert found["accuracy"].value == 0.85
    assert found["accuracy"].error == pytest.approx(math.sqrt(0.85 * 0.15 / 100), rel=0.05)
    assert found["macro_f1"].error == confusion_error(CONFUSION, "macro_f1")
    assert found["mcc"].error == confusion_error(CONFUSION, "mcc")
    assert found["loss"].value == pytest.approx(0.25)
    assert found["loss"].error == pytest.approx(math.sqrt(0.85 * 0.15 / 99))
    assert scored([[1, 0], [0, 0]], [0.3])["loss"].error == 0.0


def test_the_same_model_and_rows_are_no_second_look():
    assert second_evaluation_refusal(looked(), replace(SUBJECT)) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"trial": 5},
            "evaluated for trial 3 with seed 2, and the confirmed best is trial 5 with ",
        ),
        ({"seed": 4}, "the confirmed best is trial 3 with seed 4 now"),
        ({"rows": "xyz"}, "and these are other rows"),
    ],
)
def test_another_model_or_other_rows_are_a_second_look(change, reason):
    for earlier in (looked(), looked(scores={})):
        assert reason in second_evaluation_refusal(earlier, replace(SUBJECT, **change))


def test_a_look_is_told_with_its_errors():
    (told,) = final_evaluation_text(looked(), SUBJECT.model, GOALS)
    start = "Test, evaluated once, for the model of trial 3 with seed 2: accuracy 0.8500 (0."
    assert told.startswith(start)
    assert "on 100 rows" in told
    assert looked().metrics["test_accuracy"] == 0.85
    assert looked().metrics["test_examples"] == 100


@pytest.mark.parametrize(
    "confusion", [[[30, 10], [5, 55]], [[40, 0], [0, 60]], [[39, 1], [0, 60]], [[3, 0], [1, 0]]]
)
def test_intervals_of_test_scores_keep_within_their_ranges(confusion):
    rows = sum(map(sum, confusion))
    look = looked(examples=rows, scores=scored(confusion, [0.01] * (rows - 1) + [2.0]))
    for name, least, most in (("accuracy", 0, 1), ("macro_f1", 0, 1), ("mcc", -1, 1)):
        low, high = look.interval(name, GOALS)
        assert least <= low <= look.scores[name].value <= high <= most
        assert low < high
    low, high = look.interval("loss", GOALS)
    assert 0.0 < low < look.scores["loss"].value < high
    single = looked(examples=1, scores=scored([[1, 0], [0, 0]], [0.3]))
    assert single.interval("loss", GOALS) is None


def test_a_look_tells_what_makes_it_worth_less():
    soup = replace(SUBJECT.model, members=((3, 2), (4, 1)))
    told = list(final_evaluation_text(looked(in_training=12, in_validation=100), soup, GOALS))
    assert soup.text in told[1]
    assert "not its own" in told[1]
    assert told[2].startswith("12 test rows (12.0%) have a text that is also in training")
    assert told[3].startswith("100 test rows (100.0%) have a text that is also in validation")


def test_a_look_that_did_not_end_says_so():
    begun = looked(scores={}, in_training=3)
    (told,) = final_evaluation_text(begun, SUBJECT.model, GOALS)
    assert "the same command repeats it" in told
    assert begun.metrics == {}


@pytest.mark.parametrize(
    ("right", "low", "high"),
    # From the formula of Wilson (1927) with a bound of 1.96.
    [(85, 0.767163, 0.906941), (100, 0.963005, 1.0), (0, 0.0, 0.036995)],
)
def test_the_interval_of_a_share_is_wilsons(right, low, high):
    assert wilson_interval(right / 100, 100) == pytest.approx((low, high), abs=1e-6)


def scored(confusion, losses):
    """Scores of a classifier with this matrix and these losses."""
    names = ("accuracy", "macro_f1", "mcc")
    metrics = (accuracy, macro_f1, matthews_correlation)
    error = statistics.stdev(losses) / len(losses) ** 0.5 if len(losses) > 1 else 0.0
    found = Evaluation(
        examples=len(losses),
        loss=statistics.fmean(losses),
        loss_error=error,
        error_within_strata=error,
        scores={name: metric(confusion) for name, metric in zip(names, metrics, strict=True)},
        errors={name: confusion_error(confusion, name) for name in names},
        association=0.0,
        majority_share=0.5,
    )
    return evaluated_scores(found, with_loss=True)
