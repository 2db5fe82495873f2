"""Times of this start and of all trials are never mixed."""

import pytest

from tuner.results.time_spent import TimeSpent

FRESH = {"seconds": 100.0, "busy": 120.0, "slots": 2, "ended": 5, "earlier": 0, "in_trials": 150.0}


def spent(**given):
    return TimeSpent(**FRESH | given)


def test_a_sweep_of_one_start():
    assert spent().efficiency == pytest.approx(0.6)
    assert spent().text.endswith("sweep efficiency 0.60 on 2 slots")
    assert "in all" not in spent().text


def test_a_resumed_sweep_tells_both_times_apart():
    text = spent(earlier=9, in_trials=7200.0).text
    all_of_them, here = text.split("; ")
    assert "2.0 h" in all_of_them
    assert "5 trials" in here
    assert "0.60" in here
    assert "2.0 h" not in here


def test_where_all_trials_were_interrupted_there_is_no_efficiency():
    assert "efficiency" not in spent(ended=2, busy=0.0).text


@pytest.mark.parametrize("slots", [0, 2])
def test_where_nothing_ran_there_is_no_efficiency(slots):
    idle = spent(ended=0, busy=0.0, earlier=9, slots=slots)
    assert idle.efficiency is None
    assert "efficiency" not in idle.text
