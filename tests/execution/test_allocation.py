"""Start of a trial in the remaining time of an allocation."""

import pytest

from tests.records import outcome
from tuner.execution.allocation import fits, longest
from tuner.trial.records import TrialState


@pytest.mark.parametrize(
    ("left", "whole", "seconds", "begins"),
    [
        (3600.0, 3600.0, None, True),  # Nothing is known.
        (0.0, 3600.0, None, False),
        (700.0, 3600.0, 600.0, True),
        (650.0, 3600.0, 600.0, False),  # A tenth more than the longest has to fit.
        (100.0, 3600.0, 3500.0, True),  # No allocation would hold it.
        (0.0, 3600.0, 3500.0, False),
    ],
)
def test_a_trial_begins_that_ends_in_time(left, whole, seconds, begins):
    assert fits(left, whole, seconds) is begins


def test_the_longest_is_that_of_the_completed():
    ended = [
        outcome(0, seconds=50.0),
        outcome(1, seconds=70.0),
        outcome(2, seconds=900.0, state=TrialState.PRUNED),
    ]
    assert longest(ended) == 70.0
    assert longest(ended[2:]) is None
