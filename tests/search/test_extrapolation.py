import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.search.extrapolation import Forecast, chance_undominated, forecast, noise

POINTS = 10


def curve(count, end=0.8, rise=-0.3):
    return {point: end + rise / math.sqrt(point) for point in range(1, count + 1)}


def end(of):
    return of[max(of)]


def chance_above(goal, known, points, variance):
    return chance_undominated([forecast(known, points, variance)], [(goal,)])


def test_noise_is_half_the_mean_square_of_what_changes_from_point_to_point():
    assert noise([[0.0, 2.0, 1.0], [5.0, 5.0]]) == pytest.approx((4 + 1 + 0) / 3 / 2)


def test_curves_of_one_point_say_nothing_about_noise():
    assert noise([]) == noise([[0.5], [0.7]]) == 0.0


def test_the_noise_of_points_around_a_level_is_their_variance():
    draw = random.Random(0)  # noqa: S311
    flat = [[draw.gauss(0.7, 0.1) for _ in range(POINTS)] for _ in range(200)]
    assert noise(flat) == pytest.approx(0.1**2, rel=0.1)


@pytest.mark.parametrize("count", [3, 5, 9])
def test_a_power_law_is_followed_to_its_end(count):
    known = curve(count)
    reached = end(curve(POINTS))
    assert chance_above(reached, known, POINTS, 1e-4) == pytest.approx(0.5)
    assert chance_above(reached - 0.2, known, POINTS, 1e-4) > 0.97
    assert chance_above(reached + 0.2, known, POINTS, 1e-4) < 0.03


def test_two_points_decide_nothing():
    assert chance_above(9.0, {1: 0.1, 2: 0.1}, POINTS, 0.0) == 1.0


def test_rounding_decides_nothing_where_all_curves_are_flat():
    flat = dict.fromkeys((1, 2, 3), 0.8)
    assert chance_above(0.8, flat, POINTS, 0.0) == pytest.approx(0.5, abs=0.01)
    assert chance_above(0.81, flat, POINTS, 0.0) < 0.001


def test_a_point_that_is_missing_is_no_point_of_0():
    known = {point: value for point, value in curve(6).items() if point != 3}
    assert chance_above(end(curve(POINTS)), known, POINTS, 1e-4) == pytest.approx(0.5)


@pytest.mark.parametrize("count", [3, 6, 9])
def test_what_is_given_a_small_chance_happens_no_more_often(count):
    """Curves drawn from the model, with noise whose tails are lighter than those assumed."""
    draw = random.Random(count)  # noqa: S311
    chances = []
    for _ in range(2000):
        drawn = {point: value + draw.gauss(0, 0.05) for point, value in curve(POINTS).items()}
        known = {point: drawn[point] for point in range(1, count + 1)}
        chances.append(chance_above(drawn[POINTS], known, POINTS, 0.05**2))
    for share in (0.05, 0.2, 0.5):
        found = sum(chance < share for chance in chances) / len(chances)
        assert 0.1 * share < found < 1.1 * share


values = st.lists(st.floats(-1, 1), min_size=3, max_size=9)


@given(
    values,
    st.floats(-1, 1),
    st.floats(1e-4, 1),
    st.floats(0.1, 10),
    st.floats(-5, 5),
    st.floats(0.01, 1),
)
def test_units_do_not_matter_and_more_is_harder(told, goal, variance, factor, offset, more):
    known = dict(enumerate(told, start=1))
    chance = chance_above(goal, known, POINTS, variance)
    moved = {point: factor * value + offset for point, value in known.items()}
    same = chance_above(factor * goal + offset, moved, POINTS, factor**2 * variance)
    assert same == pytest.approx(chance, abs=1e-6)
    assert 0.0 <= chance_above(goal + more, known, POINTS, variance) < chance <= 1.0


def sure(value):
    return Forecast(end=value, error=0.0)


def test_a_trial_between_two_rivals_is_dominated_by_neither():
    assert chance_undominated([sure(0.7), sure(7.0)], [(0.8, 5.0), (0.5, 9.0)]) > 0.99
    assert chance_undominated([sure(0.7), sure(7.0)], [(0.8, 8.0), (0.5, 9.0)]) < 0.01


def test_what_is_better_in_one_objective_alone_may_still_be_wanted():
    poor = Forecast(end=0.5, error=0.01)
    assert chance_undominated([poor, sure(9.0)], [(0.8, 5.0)]) > 0.99
    assert chance_undominated([poor, sure(5.0)], [(0.8, 5.0)]) == pytest.approx(0.5, abs=0.01)


def test_an_end_that_can_not_be_told_stops_nothing():
    assert chance_undominated([sure(0.1), None], [(0.8, 5.0)]) == 1.0
    assert chance_undominated([sure(0.1)], []) == 1.0
