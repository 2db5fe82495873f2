"""Trials that stopped for the same reason are one line, whatever their numbers and figures."""

import pytest

from tests.records import outcome, report
from tuner.results.stops import stop_groups, trials_text
from tuner.trial.records import Convergence, Diagnosis, TrialError, TrialState

PRUNED, FAILED = TrialState.PRUNED, TrialState.FAILED


def pruned(number, point=3, status=Convergence.NOT_LEARNING, reason="", advice=""):
    diagnosis = Diagnosis(status=status, reason=reason, advice=advice)
    return outcome(
        number, PRUNED, last=report(point, 10), diagnosis=diagnosis, stopped_by="pruner"
    )


def failed(number, message):
    return outcome(number, FAILED, error=TrialError(kind="error", type="OSError", message=message))


def test_trials_of_one_reason_are_one_group_and_the_best_ranked_speaks_for_it():
    given = [
        outcome(0),
        pruned(4, point=6, reason="loss 0.7", advice="optimizer.learning_rate: 1 → try 2"),
        pruned(1, point=3, reason="loss 0.9"),
        pruned(2, status=Convergence.OVERFITTING),
    ]
    first, second = stop_groups(given)
    assert [each.number for each in first.outcomes] == [4, 1]
    assert first.text == (
        "2 trials (1, 4) pruned at evaluation 3 to 6 of 10, not_learning; "
        "trial 4: loss 0.7; optimizer.learning_rate: 1 → try 2"
    )
    assert second.text == "trial 2 pruned at evaluation 3 of 10, overfitting"


def test_errors_that_differ_by_numbers_and_addresses_alone_are_one_reason():
    found = stop_groups([failed(1, "no room at 0x7f: 12 MB"), failed(2, "no room at 0x9a: 7 MB")])
    assert [len(each.outcomes) for each in found] == [2]
    assert found[0].text == "2 trials (1, 2) failed; trial 1: OSError: no room at 0x7f: 12 MB"
    assert len(stop_groups([failed(1, "no room"), failed(2, "no file")])) == 2


def test_what_misses_one_constraint_is_told_from_what_misses_another():
    low = [outcome(n, violated=(f"val_accuracy 0.{n}, not >= 0.8",)) for n in (5, 6)]
    slow = outcome(7, violated=("examples_per_second 3, not >= 10",))
    first, second = stop_groups([outcome(1), *low, slow])
    assert "constraint of val_accuracy" in first.text
    assert first.text.endswith("trial 5: misses val_accuracy 0.5, not >= 0.8")
    assert second.text == "trial 7 complete: misses examples_per_second 3, not >= 10"


def test_what_can_be_taken_is_no_stop():
    assert stop_groups([outcome(0), outcome(1)]) == []


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([7], "trial 7"),
        ([2, 1], "2 trials (1, 2)"),
        ([3, 1, 2, 9], "4 trials (1-3, 9)"),
        (list(range(0, 200, 2)), "100 trials (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, …)"),
    ],
)
def test_trial_numbers_are_short(numbers, text):
    assert trials_text(numbers) == text
