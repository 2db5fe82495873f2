import math
import random

import pytest

from benchmarks.range_rules import RULES, between, bounds_of, moved, read_curve, rising

RATES = rising(1e-6, 1.0, 601)  # A decade is a hundred updates.
RECORDED = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3]


def reading(*, by=0.3, noise=0.01):
    """A loss that falls in a straight line from 1e-3 to 1e-2 and then jumps up."""
    chance = random.Random(0)  # noqa: S311
    decades = [math.log10(rate / 1e-3) for rate in RATES]
    losses = [
        0.7 - by * min(max(place, 0.0), 1.0) + (place > 1) + chance.gauss(0, noise)
        for place in decades
    ]
    return read_curve(RATES, losses)


def test_bounds_lie_where_the_loss_falls_and_rises():
    low, high = bounds_of(reading(), "fall to least")
    assert 1e-3 < low < 4e-3  # a tenth of the fall, as averaged over the last updates
    assert high == pytest.approx(1e-2, rel=0.1)
    assert bounds_of(reading(), "up to least") == (0.0, high)


def test_a_decade_around_what_a_rule_suggests():
    low, high = bounds_of(reading(), "tenth of least")
    assert high / low == pytest.approx(10)
    assert math.sqrt(low * high) == pytest.approx(1e-3, rel=0.1)
    low, high = bounds_of(reading(noise=1e-4), "steepest")
    assert high / low == pytest.approx(10)
    assert 1e-3 < math.sqrt(low * high) <= 1.05e-2


@pytest.mark.parametrize("rule", RULES)
def test_noise_alone_says_nothing(rule):
    assert bounds_of(reading(by=0.0), rule) is None


def test_rates_that_are_left():
    assert between(RECORDED, (2e-5, 2e-4)) == [3e-5, 1e-4]
    assert between(RECORDED, (0.0, 4e-5)) == [1e-5, 3e-5]
    assert between(RECORDED, None) == RECORDED
    assert between(RECORDED, (1.2e-4, 1.5e-4)) == [1e-4]  # none lies there: the nearest
    assert between(RECORDED, (1.0, 2.0)) == [3e-3]  # never outside what was given
    assert between(RECORDED, (1e-9, 1e-8)) == [1e-5]


def test_a_place_in_the_range_is_the_same_place_between_bounds():
    assert moved(1e-4, [1e-5, 1e-3], [1e-2, 1.0]) == pytest.approx(0.1)
    assert moved(1.0, [1e-5, 1e-3], [3e-5, 1e-4]) == pytest.approx(1e-4)
    assert moved(1e-4, [1e-4], [1e-5, 1e-3]) == 1e-5
