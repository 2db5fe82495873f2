import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.diagnosis.sweep.strategies import KEYS, sweeps
from tests.diagnosis.sweep.trials import (
    CONVERGED,
    IMPROVING,
    LOW_TO_HIGH,
    NOT_LEARNING,
    rates,
    read,
    searching,
    told,
    trial,
)
from tests.records import outcome, report
from tuner.diagnosis.sweep import FollowUp, lines
from tuner.diagnosis.sweep.statements import next_name
from tuner.search.space import Choice, SearchSpace
from tuner.trial.records import Diagnosis, TrialState


def test_a_budget_is_too_short_for_most_or_for_the_best():
    space = searching(optimizer__learning_rate=LOW_TO_HIGH)

    def statuses(*given):
        return rates([(1e-5, status) for status in given])

    most = read(statuses(CONVERGED, IMPROVING, IMPROVING), space).budget
    assert most is not None
    assert (most.improving, most.ended, most.best, most.epochs) == (2, 3, False, 6.0)
    assert read(statuses(CONVERGED, IMPROVING), space).budget is None
    text = told(statuses(IMPROVING, CONVERGED, CONVERGED), space)
    assert "the best among them, were still improving" in text
    assert text.endswith("study=lr-2 training.epochs=6")


def test_a_trial_that_was_stopped_says_nothing_of_the_budget():
    stopped = outcome(
        0,
        TrialState.PRUNED,
        last=report(2, 5),
        diagnosis=Diagnosis(status=IMPROVING, reason="", advice=""),
    )
    assert read([stopped], SearchSpace()).budget is None


def test_searched_epochs_are_doubled_from_what_the_trials_had():
    space = searching(training__epochs=Choice(values=(1, 2, 5, 7)))
    trials = [trial(0, 0.9, IMPROVING, training__epochs=5)]
    assert told(trials, space).endswith("study=lr-2 training.epochs=10")


def test_importances_take_six_completed_trials_that_differ():
    space, shares = searching(optimizer__learning_rate=LOW_TO_HIGH), {"a": 0.25, "b": 0.75}
    far = rates([(1e-5, CONVERGED)] * 6)
    far[0] = trial(0, 0.99, optimizer__learning_rate=1e-5)
    assert "what mattered among the 6 completed trials: b 75%, a 25%" in told(
        far, space, importances=shares
    )
    assert "no parameter stands out from chance" in told(far, space)
    assert "2 completed trials are too few" in told(far[:2], space, importances=shares)
    assert "no parameter can be said to matter" in told([*far[1:], trial(9, 0.85)], space)


def test_nothing_to_read_gives_nothing_to_say():
    space = searching(optimizer__learning_rate=LOW_TO_HIGH)
    assert lines(read([], space), FollowUp(study="lr")) == []
    assert lines(read([outcome(0, TrialState.FAILED)], space), FollowUp(study="lr")) == []


def test_one_trial_and_pruned_trials_alone_are_read():
    space = searching(optimizer__learning_rate=LOW_TO_HIGH)
    assert told(rates([(1e-5, CONVERGED)]), space).startswith("1 converged\n")
    pruned = [
        trial(i, status=NOT_LEARNING, state=TrialState.PRUNED, optimizer__learning_rate=1e-6)
        for i in range(3)
    ]
    assert told(pruned, space) == "3 not_learning"


@pytest.mark.parametrize(("name", "following"), [("lr", "lr-2"), ("lr-2", "lr-3"), ("2-", "2--2")])
def test_the_next_study_has_the_next_number(name, following):
    assert next_name(name) == following


@given(
    sweeps(),
    st.sampled_from(["val_accuracy", "val_macro_f1", "val_mcc", "val_loss", "train_loss"]),
    st.dictionaries(KEYS, st.floats(0, 1)),
)
def test_no_sweep_crashes_the_reading(sweep, objective, importances):
    trials, space = sweep
    found = read(trials, space, objective=objective, importances=importances)
    assert all("\n" not in line for line in lines(found, FollowUp(study="lr")))
