"""Position of trials in the trade-off plot, whichever way their metrics are better."""

import pytest

from tests.results.html.studies import BOTH, ended, shown, traded
from tuner.results.html.tradeoffs import better_corner, front_corners, trade_off
from tuner.trial.records import TrialState

ACCURACY, SPEED, MEMORY = "val_accuracy", "examples_per_second", "peak_memory_bytes"


def test_the_line_runs_over_the_trials_that_none_beats_in_both():
    study = shown(*traded((0.7, 30.0), (0.9, 10.0), (0.6, 20.0), (0.9, 10.0)), objectives=BOTH)
    assert front_corners(study, SPEED) == [(10.0, 0.9), (30.0, 0.7)]


def test_of_three_objectives_the_line_is_that_of_the_two_which_are_drawn():
    three = (ACCURACY, SPEED, MEMORY)
    trials = traded((0.9, 30.0, 3e9), (0.8, 20.0, 1e9), (0.7, 10.0, 2e9), objectives=three)
    study = shown(*trials, objectives=three)
    assert front_corners(study, SPEED) == [(30.0, 0.9)]
    assert front_corners(study, MEMORY) == [(1e9, 0.8), (3e9, 0.9)]


@pytest.mark.parametrize(
    ("across", "up", "corner", "shape"),
    [
        (SPEED, ACCURACY, "top right", "vh"),
        (MEMORY, ACCURACY, "top left", "hv"),
        (SPEED, "val_loss", "bottom right", "vh"),
        (MEMORY, "val_loss", "bottom left", "hv"),
    ],
)
def test_the_line_turns_away_from_the_better_corner(across, up, corner, shape):
    study = shown(*traded((0.7, 30.0), objectives=(up, across)), objectives=(up, across))
    assert better_corner(study, across) == corner
    assert trade_off(study, across)["data"][0]["line"]["shape"] == shape


def test_what_misses_a_constraint_is_hollow_says_so_and_bounds_no_line():
    both = {"objectives": BOTH, "constraints": {ACCURACY: ">= 0.65"}}
    text = "val_accuracy 0.6, not >= 0.65"
    poor = ended(1, value=0.6, measured={ACCURACY: 0.6, SPEED: 90.0}, violated=(text,))
    study = shown(*traded((0.7, 30.0)), poor, **both)
    drawn = trade_off(study, SPEED)
    assert front_corners(study, SPEED) == [(30.0, 0.7)]
    (marks,) = [trace for trace in drawn["data"] if "customdata" in trace]
    assert marks["marker"]["symbol"] == ["circle-open", "circle"]
    assert "misses val_accuracy 0.6, not &gt;= 0.65" in marks["customdata"][0]
    assert [shape["y0"] for shape in drawn["layout"]["shapes"]] == [0.65]


def test_pruned_trials_are_left_out_since_they_have_no_end():
    pruned = ended(1, TrialState.PRUNED, measured={ACCURACY: 0.9, SPEED: 90.0})
    study = shown(*traded((0.7, 30.0)), pruned, objectives=BOTH)
    assert [trace["x"] for trace in trade_off(study, SPEED)["data"]] == [[30.0]] * 3
    assert front_corners(study, SPEED) == [(30.0, 0.7)]


def test_a_constraint_alone_is_drawn_without_a_line():
    trial = ended(0, value=0.7, measured={ACCURACY: 0.7, MEMORY: 1e9})
    study = shown(trial, constraints={MEMORY: "<= 2e9"})
    drawn = trade_off(study, MEMORY)
    marks, ring = drawn["data"]
    assert marks["x"] == ring["x"] == [1e9]
    assert drawn["layout"]["shapes"] == []  # Nobody misses it, and it may lie far away.
