"""Expected duration, as a person would estimate it from the clock and the slots."""

import pytest

from tuner.trial.budget import Budget
from tuner.trial.duration import Running, duration_text, seconds_left, trial_seconds


def test_nothing_has_moved_yet():
    assert seconds_left([], [], 8, 2) is None
    assert seconds_left([], [Running(seconds=5, share=0.0)], 8, 2) is None


def test_the_first_trials_tell_by_how_far_they_came():
    # 20 s at a quarter: 80 s a trial; 60 s are left of it, then seven more on one slot.
    assert seconds_left([], [Running(seconds=20, share=0.25)], 7, 1) == pytest.approx(620)


def test_slots_share_what_waits():
    assert seconds_left([100, 100], [], 4, 2) == 200
    assert seconds_left([100, 100], [], 5, 2) == 300
    # One slot is free in 10 s, the other in 90: the two that wait go to the first, then it.
    running = [Running(seconds=90, share=0.9), Running(seconds=10, share=0.1)]
    assert seconds_left([100], running, 2, 2) == 190


def test_pruned_trials_shorten_the_estimate():
    assert seconds_left([100, 20], [], 2, 1) == 120


def test_one_that_takes_longer_than_others_goes_on_to_its_end():
    assert seconds_left([50], [Running(seconds=90, share=0.6)], 0, 1) == pytest.approx(60)


def test_nothing_is_left():
    assert seconds_left([50], [], 0, 2) == 0


def test_a_trial_is_its_updates_and_a_third_of_that_for_each_row_evaluated():
    budget = Budget(train_examples=1000, effective_batch=16, epochs=2, evaluations=1)
    assert trial_seconds(budget, 300, 0.25, rate=50) == pytest.approx((2000 + 100) / 50)
    windows = trial_seconds(budget, 300, 0.25, rate=50, rows_each=3)
    assert windows == pytest.approx((2000 + 300) / 50)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (600, "10 min"),
        (5400, "1.5 h"),
        (172_800, "2.0 days"),
    ],
)
def test_times_as_people_say_them(seconds, text):
    assert duration_text(seconds) == text
