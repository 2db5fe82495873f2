import pytest

from tests.results.html.studies import ADAMW, SGD, ended, shown
from tuner.results.html.parallel import axes, numeric, of_choices


def test_every_parameter_has_an_axis_and_the_objective_the_last():
    study = shown(ended(0, parameters=ADAMW, value=0.6), ended(1, parameters=SGD, value=0.8))
    found = {axis.name: axis for axis in axes(study, study.trials)}  # Trial 1 is the better.
    assert list(found) == [
        "optimizer", "optimizer.learning_rate", "optimizer.momentum", "val_accuracy",
    ]  # fmt: skip
    assert found["optimizer.learning_rate"].heights == pytest.approx((1.0, 0.5))
    assert found["optimizer.momentum"].heights == (1.0, None)
    assert found["val_accuracy"].heights == (1.0, 0.0)


def test_a_logarithmic_axis_has_ticks_at_powers_of_ten():
    axis = numeric("x", [1e-5], bounds=[1e-6, 1e-2], log=True)
    assert [text for _, text in axis.ticks] == ["1e-6", "1e-5", "1e-4", "0.001", "0.01"]
    assert axis.heights == pytest.approx((0.25,))


def test_a_value_outside_the_space_widens_the_axis():
    assert numeric("x", [10.0, 0.0], bounds=[0.0, 5.0]).heights == (1.0, 0.0)


def test_a_logarithm_that_there_is_not_makes_the_axis_linear():
    assert numeric("x", [0.0, 1.0], bounds=[0.5, 1.0], log=True).heights == (0.0, 1.0)


def test_equal_values_and_none_at_all_draw_an_axis():
    assert numeric("x", [2.0, 2.0]).heights == (0.0, 0.0)
    assert numeric("x", [None]).heights == (None,)


def test_trials_with_one_choice_are_spread_about_it():
    axis = of_choices("x", ["a", "b", "a", None], ["a", "b"])
    assert [text for _, text in axis.ticks] == ["a", "b"]
    first, second, third, absent = axis.heights
    assert first < 0.0 < third
    assert second == 1.0
    assert absent is None


def test_a_null_among_numbers_makes_choices():
    trials = [ended(i, parameters={"training.clip_norm": v}) for i, v in enumerate((1.0, None))]
    study = shown(*trials)
    axis = axes(study, study.trials)[0]
    assert {text for _, text in axis.ticks} == {"1", "null"}
    assert None not in axis.heights
