import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.diagnosis.statistics import critical, excess_swing, fit, noise_swing, scatter

NUMBERS = st.lists(st.floats(-100, 100), min_size=1, max_size=30)


def test_critical_values_are_those_of_the_tables():
    assert critical(0.975) == pytest.approx(1.95996, abs=1e-4)
    assert critical(0.99) == pytest.approx(2.32635, abs=1e-4)
    assert critical(0.95, tests=5) == pytest.approx(2.32635, abs=1e-4)


def test_scatter_finds_the_noise_and_not_the_trend():
    chance = random.Random(0)  # noqa: S311
    noise = [chance.gauss(0.0, 0.3) for _ in range(2000)]
    falling = [x - 0.5 * i for i, x in enumerate(noise)]
    assert scatter(noise) == pytest.approx(0.3, rel=0.1)
    assert scatter(falling) == pytest.approx(scatter(noise))
    assert scatter([3.0, 2.0, 1.0]) == 0.0


def test_a_straight_line_is_found_with_its_error():
    at = [0.1, 0.2, 0.3, 0.4, 0.5]
    line = fit(at, [5.0 - 2.0 * x for x in at], noise=0.1)
    assert line.slope == pytest.approx(-2.0)
    assert line.change == pytest.approx(-0.8)
    assert line.error == pytest.approx(0.1 / math.sqrt(0.1))
    assert line.statistic == pytest.approx(-2.0 / line.error)


def test_the_error_of_a_slope_covers_it_as_often_as_it_says():
    chance = random.Random(1)  # noqa: S311
    at = [i / 10 for i in range(1, 11)]
    lines = [fit(at, [chance.gauss(0.0, 1.0) for _ in at], noise=1.0) for _ in range(3000)]
    beyond = sum(line.statistic > critical(0.95) for line in lines) / len(lines)
    assert 0.02 < beyond < 0.06  # below 0.05: the error is the larger of noise and residuals


@pytest.mark.parametrize(
    ("values", "swing"),
    [
        ([5, 4, 3, 2, 1], 0.0),
        ([1, 2, 3], 0.0),
        ([5, 1, 4], 0.0),
        ([5, 1, 4, 1, 5], 6.0),
        ([1, 3, 1, 3, 1], 8.0),
        ([], 0.0),
    ],
)
def test_swings_are_what_goes_beyond_one_fall_and_one_rise(values, swing):
    assert excess_swing(values) == pytest.approx(swing)


@given(NUMBERS)
def test_a_point_halfway_between_two_adds_no_swing(values):
    between = [(a + b) / 2 for a, b in pairwise(values)]
    doubled = [x for pair in zip(values, between, strict=False) for x in pair] + [values[-1]]
    assert excess_swing(doubled) == pytest.approx(excess_swing(values), abs=1e-6)


def test_the_swing_of_noise_is_foretold():
    chance = random.Random(2)  # noqa: S311
    found = [excess_swing([chance.gauss(0.0, 1.0) for _ in range(10)]) for _ in range(2000)]
    # A little less than foretold: the fall to the lowest value and the rise from it are free.
    mean = sum(found) / len(found)
    assert 0.5 * noise_swing(10, 1.0) < mean < noise_swing(10, 1.0)


@given(NUMBERS, st.floats(0, 10))
def test_no_input_breaks_a_line(values, noise):
    at = [float(i) for i in range(len(values) + 1)]
    line = fit(at, [*values, 0.0], noise)
    assert not math.isnan(line.statistic)
