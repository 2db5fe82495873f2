"""When more trials are not worth their time."""

import pytest

from tuner.search.stop_when import stop_reason
from tuner.settings.settings import StopWhen

WANTED = StopWhen(improvement=0.01, patience=3)


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([], False),
        ([0.8, 0.7, 0.7], False),  # Patience has only begun.
        ([0.8, 0.7, 0.7, 0.805], True),  # Half a point in three trials.
        ([0.8, 0.7, 0.7, 0.81], False),
        ([0.8, None, None, None], True),  # Pruned ones gained nothing.
        ([None, None, None, 0.8], False),  # Nothing stands to compare with.
        ([0.8, 0.9, 0.7, 0.7, 0.7], True),
        ([0.8, 0.7, 0.9, 0.7, 0.7], False),
    ],
)
def test_it_ends_when_the_last_trials_gained_too_little(values, ends):
    points = [None if value is None else (value,) for value in values]
    assert bool(stop_reason(points, ["maximize"], WANTED)) is ends
    lower = [None if value is None else (-value,) for value in values]
    assert bool(stop_reason(lower, ["minimize"], WANTED)) is ends


def test_it_says_by_how_little():
    told = stop_reason([(0.8,), (0.7,), (0.7,), (0.805,)], ["maximize"], WANTED)
    assert all(part in told for part in ("last 3 trials", "by 0.005", "0.01 of sweep.stop_when"))


@pytest.mark.parametrize(
    ("last", "ends"),
    [
        ((0.7, 60.0), True),  # Beaten in both.
        ((0.8, 50.0), True),  # Known already.
        ((0.7, 40.0), False),  # Faster than all before.
        (None, True),
    ],
)
def test_of_several_objectives_it_ends_when_no_trial_is_a_new_trade_off(last, ends):
    values = [(0.8, 50.0), None, None, last]
    told = stop_reason(values, ["maximize", "minimize"], WANTED)
    assert ("none of the last 3 trials" in told) is ends
