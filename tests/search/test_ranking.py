import pytest

from tests.records import outcome
from tuner.search.ranking import best, counts, failure_causes, gain, ranked
from tuner.trial.records import TrialError, TrialState

OUTCOMES = [
    outcome(0, value=0.7),
    outcome(1, TrialState.FAILED),
    outcome(2, value=0.9),
    outcome(3, TrialState.PRUNED),
    outcome(4, value=0.9),
]


def test_completed_trials_come_first_by_value_then_by_number():
    assert [o.number for o in ranked(OUTCOMES, "maximize")] == [2, 4, 0, 3, 1]
    assert [o.number for o in ranked(OUTCOMES, "minimize")] == [0, 2, 4, 3, 1]


def test_best_is_the_earlier_of_equals_and_only_a_completed_trial():
    found = best(OUTCOMES, "maximize")
    assert found is not None
    assert found.number == 2
    assert best([outcome(0, TrialState.PRUNED)], "maximize") is None
    assert best([], "minimize") is None


def test_counts_name_every_state():
    assert counts(OUTCOMES) == {
        TrialState.COMPLETE: 3,
        TrialState.PRUNED: 1,
        TrialState.INFEASIBLE: 0,
        TrialState.FAILED: 1,
        TrialState.INTERRUPTED: 0,
        TrialState.RETRIED: 0,
    }


@pytest.mark.parametrize(("direction", "expected"), [("maximize", 0.1), ("minimize", -0.1)])
def test_gain_is_positive_when_better(direction, expected):
    assert gain(0.8, 0.7, direction) == pytest.approx(expected)


def failed(number, message="cuda:0 is gone", kind="RuntimeError"):
    error = TrialError(kind="error", type=kind, message=message)
    return outcome(number, TrialState.FAILED, error=error)


def test_failing_needs_failures_in_a_row():
    done = outcome(0)
    assert failure_causes([done, failed(1), failed(2, "cuda:1 is gone")], 2) == (
        "RuntimeError: cuda:N is gone"
    )
    assert not failure_causes([failed(0)], 2)
    for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.INFEASIBLE):
        assert not failure_causes([failed(0), outcome(1, state), failed(2)], 2)


def test_failures_in_a_row_count_whatever_their_causes():
    row = [failed(0, "a"), failed(1, "b"), failed(2, "b"), failed(3, "c"), failed(4, "d")]
    assert failure_causes(row, 5).split("; ") == [
        "RuntimeError: b", "RuntimeError: a", "RuntimeError: c", "1 more causes",
    ]  # fmt: skip


def test_messages_that_differ_by_an_address_alone_are_one_cause():
    row = [failed(0, "<object at 0x7f3abc12>"), failed(1, "<object at 0x7ffe00d4>")]
    assert failure_causes(row, 2) == "RuntimeError: <object at N>"


def test_an_interrupted_trial_neither_counts_as_a_failure_nor_ends_a_row():
    interrupted = outcome(1, TrialState.INTERRUPTED)
    assert failure_causes([failed(0), interrupted, failed(2)], 2)
    assert not failure_causes([failed(0), interrupted], 2)
