"""Objectives and constraints: what counts of a trial, and what it has to keep."""

import math

import pytest

from tests.goals import SCORES, goals
from tests.records import outcome, report
from tuner.search.goals import constraint, goals_from_plain, score
from tuner.tasks import REGISTRY
from tuner.trial.records import TrialState

MEMORY = {"peak_memory_bytes": "<= 20e9"}


@pytest.mark.parametrize(
    ("text", "value", "excess"),
    [("<= 20e9", 20e9, 0.0), ("<=20e9", 25e9, 0.25), (">= 0.8", 0.6, 0.25), (">=-2", -3, 0.5)],
)
def test_a_constraint_says_by_which_share_of_its_bound_a_value_misses_it(text, value, excess):
    assert constraint("val_loss", text).excess(value) == pytest.approx(excess)


def test_a_bound_of_0_is_missed_by_the_value_itself():
    assert constraint("val_mcc", ">= 0").excess(-0.2) == pytest.approx(0.2)


@pytest.mark.parametrize("text", ["0.8", "< 0.8", "<= much", "<= nan", ">= inf", "", ">= 1 2"])
def test_what_is_no_constraint(text):
    with pytest.raises(ValueError, match="not a constraint"):
        constraint("val_loss", text)


def test_every_metric_that_counts_is_watched_once():
    found = goals(["val_macro_f1", "val_loss"], {"val_loss": "<= 1", **MEMORY})
    assert found.watched == ("val_macro_f1", "val_loss", "peak_memory_bytes")


def test_the_speed_that_counts_is_that_of_the_whole_trial():
    # 100 examples in a second, then 100 in three.
    reports = [
        report(1, 2, examples_seen=100, seconds_training=1.0, examples_per_second=100.0),
        report(2, 2, examples_seen=200, seconds_training=3.0, examples_per_second=33.0),
    ]
    found = goals(["val_accuracy", "examples_per_second"]).measure(reports)
    assert found["examples_per_second"] == pytest.approx(50.0)
    assert found["val_accuracy"] == reports[1].metrics["val_accuracy"]


def test_a_stretch_on_which_several_points_fall_counts_once():
    reports = [
        report(1, 4, examples_seen=100, seconds_training=1.0),
        report(2, 4, examples_seen=100, seconds_training=1.0),
        report(3, 4, examples_seen=200, seconds_training=1.0),
        report(4, 4, examples_seen=200, seconds_training=1.0),
    ]
    assert goals(["examples_per_second"]).measure(reports) == {"examples_per_second": 100.0}


def test_a_value_just_beyond_its_bound_is_told_with_all_its_digits():
    (told,) = goals(["val_loss"], {"val_mcc": ">= 0.8"}).violated({"val_mcc": 0.79999})
    assert told == "val_mcc 0.79999, not >= 0.8"


def test_a_missed_constraint_is_told_with_value_and_bound():
    found = goals(["val_accuracy"], MEMORY)
    assert found.violated({"peak_memory_bytes": 2.5e10}) == (
        "peak_memory_bytes 2.5e+10, not <= 2e+10",
    )
    assert found.violated({"peak_memory_bytes": 1e10}) == ()
    assert found.violated({"peak_memory_bytes": math.nan})


@pytest.mark.parametrize(
    "given",
    [goals(["val_loss"]), goals(["val_loss", "val_mcc"]), goals(["val_loss"], MEMORY)],
)
def test_goals_survive_being_stored(given):
    assert goals_from_plain(given.to_plain(), SCORES) == given


def test_what_earlier_versions_stored_is_read():
    plain = {"objective": "val_loss", "space": []}
    assert goals_from_plain(plain, SCORES) == goals(["val_loss"])


def test_the_default_objective_is_better_where_it_is_larger():
    for task in REGISTRY.bundled():
        assert goals([task().objective]).direction == "maximize"


def test_what_a_trial_reached_as_people_read_it():
    both = goals(["val_accuracy", "examples_per_second"])
    measured = {"val_accuracy": 0.91234, "examples_per_second": 812.345}
    assert both.objectives_text(outcome(0, value=0.91234, measured=measured)) == (
        "val_accuracy 0.9123, examples_per_second 812.3"
    )
    assert both.objectives_text(outcome(0, TrialState.PRUNED, measured=measured)) == ""
    assert score(2.5e10) == "2.5e+10"
