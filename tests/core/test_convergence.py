import math

import pytest

from tests.records import GUESS, report, settings
from tuner.core.convergence import diagnose
from tuner.core.trial import Convergence


def curve(losses, accuracy=0.8):
    return [
        report(point, len(losses), val_loss=loss, train_loss=loss, val_accuracy=accuracy)
        for point, loss in enumerate(losses, start=1)
    ]


@pytest.mark.parametrize(
    ("losses", "accuracy", "status"),
    [
        ([0.6, 0.5, 0.45, 0.45, 0.45], 0.8, Convergence.CONVERGED),
        ([0.65, 0.6, 0.55, 0.5, 0.4], 0.8, Convergence.IMPROVING),
        ([0.69, 0.69, 0.69, 0.69, 0.69], 0.52, Convergence.NOT_LEARNING),
        ([0.6, 0.5], 0.8, Convergence.UNDETERMINED),
        ([0.6, 0.5, math.nan], 0.8, Convergence.DIVERGED),
        ([0.6, 0.5, math.inf], 0.8, Convergence.DIVERGED),
        ([0.6, 0.9, 2.5], 0.5, Convergence.DIVERGED),
    ],
)
def test_status(losses, accuracy, status):
    assert diagnose(curve(losses, accuracy), GUESS, settings()).status is status


def test_what_learned_and_fell_back_to_the_constant_guess_is_no_convergence():
    reports = [*curve([0.6, 0.5, 0.5], 0.75), report(4, 4, val_loss=0.72, val_accuracy=0.5)]
    found = diagnose(reports, GUESS, settings())
    assert found.status is Convergence.OSCILLATING
    assert "from 0.750 back to 0.500" in found.reason


def test_a_worker_that_saw_nan_has_diverged_whatever_the_reports_say():
    found = diagnose(curve([0.6, 0.5, 0.4]), GUESS, settings(), diverged=True)
    assert found.status is Convergence.DIVERGED
    assert "optimizer.learning_rate: 0.0001 → try 1e-05" in found.advice


def test_a_trial_that_never_started_is_undetermined():
    assert diagnose([], None, settings()).status is Convergence.UNDETERMINED


def test_a_low_loss_is_learning_even_where_accuracy_is_the_constant_guess():
    found = diagnose(curve([0.6, 0.3, 0.3, 0.3], accuracy=0.5), GUESS, settings())
    assert found.status is Convergence.CONVERGED


def test_not_learning_tells_a_rate_too_high_from_one_too_low():
    flat = diagnose(curve([0.69, 0.69, 0.69], 0.5), GUESS, settings())
    jumped = diagnose(curve([0.69, 1.5, 0.9], 0.5), GUESS, settings())
    assert "try 0.001" in flat.advice
    assert "try 1e-05" in jumped.advice


def test_a_rate_above_what_is_usual_is_advised_down_even_where_the_loss_is_flat():
    high = settings()
    high.optimizer["learning_rate"] = 9e-4
    found = diagnose(curve([0.69, 0.7, 0.69], 0.5), GUESS, high)
    assert found.advice == "optimizer.learning_rate: 0.0009 → try 9e-05"


def test_a_loss_that_stays_near_the_constant_guess_is_a_plateau():
    found = diagnose(curve([0.68, 0.67, 0.67, 0.67, 0.67, 0.67], 0.58), GUESS, settings())
    assert found.status is Convergence.PLATEAUED


def test_without_clipping_divergence_advises_it():
    found = diagnose([], None, settings(clip_norm=None), diverged=True)
    assert "training.clip_norm: null → try 1.0" in found.advice
