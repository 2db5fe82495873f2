import math

import optuna
import pytest
from optuna.trial import TrialState

from tests.goals import goals
from tuner.errors import InputError
from tuner.study.strategies import build_pruner

EXTRAPOLATION = {"name": "extrapolation", "threshold": 0.02}
RISING = (0.5, 0.6, 0.66, 0.72, 0.75, 0.78, 0.79, 0.8)
POOR = (0.5, 0.51, 0.49, 0.5, 0.5, 0.51, 0.5, 0.5)
LATE = (0.5, 0.54, 0.6, 0.66, 0.71, 0.75, 0.79, 0.82)


@pytest.fixture
def study():
    return optuna.create_study(
        direction="maximize", pruner=build_pruner(EXTRAPOLATION, goals(["val_accuracy"]))
    )


def complete(study, values):
    trial = study.ask()
    for point, value in enumerate(values, start=1):
        trial.report(value, point)
    study.tell(trial, values[-1])


def stopped(study, values):
    """The points at which the pruner would stop a curve."""
    trial = study.ask()
    found = []
    for point, value in enumerate(values, start=1):
        trial.report(value, point)
        if trial.should_prune():
            found.append(point)
    study.tell(trial, state=TrialState.PRUNED)
    return found


def test_nothing_is_stopped_before_a_trial_completed(study):
    assert stopped(study, POOR) == []


def test_a_hopeless_curve_is_stopped_and_one_that_rises_is_not(study):
    complete(study, RISING)
    assert 0 < min(stopped(study, POOR)) <= 5
    assert stopped(study, LATE) == []


def test_a_loss_is_better_where_it_is_smaller():
    study = optuna.create_study(
        direction="minimize", pruner=build_pruner(EXTRAPOLATION, goals(["val_loss"]))
    )
    complete(study, [1 - value for value in RISING])
    assert stopped(study, [1 - value for value in POOR])
    assert stopped(study, [1 - value for value in LATE]) == []


def test_points_without_a_number_are_left_out(study):
    complete(study, RISING)
    broken = (0.5, math.nan, *LATE[2:6], math.inf, math.nan)
    assert stopped(study, broken) == []


def test_a_careful_threshold_stops_later_and_0_never():
    first = []
    for threshold in (0.2, 0.002, 0.0):
        pruner = build_pruner(
            {"name": "extrapolation", "threshold": threshold}, goals(["val_accuracy"])
        )
        study = optuna.create_study(direction="maximize", pruner=pruner)
        complete(study, RISING)
        first.append(min(stopped(study, POOR), default=math.inf))
    assert first[0] < first[1] < first[2] == math.inf


@pytest.mark.parametrize("options", [{"threshold": 2}, {"threshold": "much"}, {}, {"patience": 1}])
def test_what_is_no_threshold_is_the_users_error(options):
    with pytest.raises(InputError, match="pruner=extrapolation cannot be built"):
        build_pruner({"name": "extrapolation", **options}, goals(["val_accuracy"]))
