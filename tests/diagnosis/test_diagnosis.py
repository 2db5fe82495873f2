import math
from dataclasses import replace

import pytest

from tests.records import GUESS, report, settings
from tuner.diagnosis import diagnose
from tuner.tasks import Baseline
from tuner.trial.records import Convergence


def curve(losses, accuracy=0.8, training=None, points=None, **given):
    """Reports with these validation losses; training losses are the same unless given."""
    return [
        report(
            point, points or len(losses), val_loss=loss, train_loss=trained,
            val_accuracy=accuracy, **given,
        )
        for point, (loss, trained) in enumerate(
            zip(losses, training or losses, strict=True), start=1
        )
    ]  # fmt: skip


FALL = [0.68, 0.6, 0.5, 0.44, 0.41]
LEVEL = [0.4, 0.4, 0.4, 0.4, 0.4]
FLAT = [0.69] * 10
DOWN = [0.68, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06]


@pytest.mark.parametrize(
    ("losses", "training", "accuracy", "status"),
    [
        (FALL + LEVEL, None, 0.8, Convergence.CONVERGED),
        ([0.68, 0.65, 0.62, 0.59, 0.56, 0.53, 0.5, 0.47, 0.44, 0.41], None, 0.8, "improving"),
        ([0.69, 0.68] + [0.62] * 8, None, 0.66, "plateaued"),
        (FLAT, None, 0.52, "not_learning"),
        ([0.6, 0.5], None, 0.8, "undetermined"),
        ([0.6, 0.5, math.nan], None, 0.8, "diverged"),
        ([0.6, 0.5, math.inf], None, 0.8, "diverged"),
        ([0.6, 0.9, 2.5], None, 0.5, "diverged"),
        ([*FALL, 0.45, 0.5, 0.55, 0.6, 0.66], DOWN, 0.8, "overfitting"),
        (FLAT, DOWN, 0.5, "overfitting"),
        ([0.6, 0.4, 0.65, 0.4, 0.65, 0.4, 0.65, 0.4, 0.6, 0.45], None, 0.75, "oscillating"),
    ],
)
def test_status(losses, training, accuracy, status):
    assert diagnose(curve(losses, accuracy, training), GUESS, settings()).status == status


def test_a_fall_within_the_noise_of_the_rows_is_no_trend():
    losses = [0.68, 0.6, 0.5, 0.44, 0.41, 0.405, 0.40, 0.395, 0.39, 0.385]
    assert diagnose(curve(losses), GUESS, settings()).status is Convergence.CONVERGED
    many = curve(losses, validation_examples=100_000)
    assert diagnose(many, GUESS, settings()).status is Convergence.CONVERGED  # a small share
    steeper = [0.68, 0.6, 0.5, 0.48, 0.46, 0.455, 0.44, 0.425, 0.41, 0.395]
    known = [0.68, 0.6, 0.5, *[0.4] * 7]
    few = curve(steeper, training=known, validation_examples=60)
    assert diagnose(few, GUESS, settings()).status is Convergence.CONVERGED
    many = curve(steeper, training=known, validation_examples=10_000)
    assert diagnose(many, GUESS, settings()).status is Convergence.IMPROVING


def test_a_score_above_the_guess_within_the_noise_of_few_rows_is_not_learning():
    reports = curve([0.69] * 10, accuracy=0.56, validation_examples=100)
    assert diagnose(reports, GUESS, settings()).status is Convergence.NOT_LEARNING
    reports = curve([0.69] * 10, accuracy=0.56, validation_examples=4000)
    assert diagnose(reports, GUESS, settings()).status is Convergence.PLATEAUED


def test_another_constant_guess_that_is_luckier_is_not_learning():
    guess = Baseline(score=0.47, loss=0.694)
    reports = [
        report(
            k, 10, val_loss=0.694, train_loss=0.69, validation_examples=5000, majority_share=1.0,
            metrics={"val_accuracy": 0.53, "val_macro_f1": 0.35, "val_mcc": 0.0},
        )
        for k in range(1, 11)
    ]  # fmt: skip
    assert diagnose(reports, guess, settings()).status is Convergence.NOT_LEARNING


def test_what_learned_and_fell_back_to_the_constant_guess_is_no_convergence():
    reports = [
        *curve([0.6, 0.5, 0.5], 0.75, points=6),
        *(report(k, 6, val_loss=0.7, train_loss=0.7, val_accuracy=0.5) for k in (4, 5, 6)),
    ]
    found = diagnose(reports, GUESS, settings())
    assert found.status is Convergence.OSCILLATING
    assert "from 0.750 back to 0.500" in found.reason
    assert found.points == (3, 6)


def test_a_worker_that_saw_nan_has_diverged_whatever_the_reports_say():
    told = "train_loss is nan at update 7"
    found = diagnose(curve([0.6, 0.5, 0.4]), GUESS, settings(), diverged=told)
    assert (found.status, found.reason) == (Convergence.DIVERGED, told)
    assert "optimizer.learning_rate: 1e-4 → try 1e-5" in found.advice


@pytest.mark.parametrize("name", ["train_loss", "val_loss", "weight_change"])
def test_nan_in_losses_or_weights_is_diverged_also_after_good_steps(name):
    reports = curve(FALL + LEVEL)
    reports[7] = replace(reports[7], **{name: math.nan})
    found = diagnose(reports, GUESS, settings())
    assert (found.status, found.reason) == (Convergence.DIVERGED, f"{name} is nan at point 8")


def test_skipped_updates_are_no_divergence():
    reports = curve(FALL + LEVEL, skipped_updates=12)
    assert diagnose(reports, GUESS, settings()).status is Convergence.CONVERGED


def test_a_trial_that_never_started_is_undetermined():
    assert diagnose([], None, settings()).status is Convergence.UNDETERMINED


def test_a_low_loss_is_learning_even_where_accuracy_is_the_constant_guess():
    found = diagnose(curve([0.6, 0.3, 0.3, 0.3], accuracy=0.5), GUESS, settings())
    assert found.status is Convergence.CONVERGED


def test_points_that_one_update_reached_count_once():
    twice = [replace(each, examples_seen=200) for each in curve([0.6, 0.6, 0.5])]
    assert diagnose(twice, GUESS, settings()).status is Convergence.UNDETERMINED


def test_a_trial_stopped_early_is_judged_on_what_was_seen():
    seen = curve([0.69, 0.66, 0.62, 0.57, 0.51], points=10)
    found = diagnose(seen, GUESS, settings())
    assert found.status is Convergence.IMPROVING
    assert found.advice == ""  # others were better; its budget was not too short


def test_figures_stand_beside_the_word():
    found = diagnose(curve(FALL + LEVEL, training=DOWN), GUESS, settings())
    figures = found.figures
    assert figures is not None
    assert (figures.best_point, figures.best_loss) == (6, 0.4)
    assert figures.gain == pytest.approx(1 - 0.4 / 0.693)
    assert figures.generalisation_gap == pytest.approx(0.4 - 0.07)
    assert figures.oscillation == 0.0
    assert abs(figures.slope) < figures.slope_error
