import math

import pytest

from tests.components import make_schedule
from tuner import schedules
from tuner.errors import InputError
from tuner.schedules import warmup_updates

PEAK = 2e-4


def curve(schedule, total=10):
    made = make_schedule(schedule)
    return [made.learning_rate(PEAK, update, total) for update in range(1, total + 1)]


def shares(schedule, total=10):
    return [rate / PEAK for rate in curve(schedule, total)]


def test_constant_is_the_peak():
    assert curve({"name": "constant"}) == [PEAK] * 10


def test_linear_falls_evenly_and_spends_no_update_at_zero():
    assert shares({"name": "linear"}, 4) == pytest.approx([1.0, 0.75, 0.5, 0.25])
    ends = shares({"name": "linear", "end_fraction": 0.2}, 4)
    assert ends == pytest.approx([1.0, 0.8, 0.6, 0.4])


def test_warmup_rises_evenly_to_the_peak_and_never_gives_zero():
    rates = shares({"name": "linear", "warmup_fraction": 0.4})
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


def test_cosine_is_half_way_down_in_the_middle():
    rates = shares({"name": "cosine"}, 4)
    expected = [(1 + math.cos(math.pi * quarter / 4)) / 2 for quarter in range(4)]
    assert rates == pytest.approx(expected)
    assert shares({"name": "cosine", "end_fraction": 0.5}, 4)[2] == pytest.approx(0.75)


def test_restarts_come_back_to_the_peak():
    rates = shares({"name": "cosine_restarts", "cycles": 2}, 8)
    assert rates[0] == rates[4] == 1.0
    assert rates[:4] == pytest.approx(rates[4:])
    assert rates[3] == pytest.approx((1 + math.cos(0.75 * math.pi)) / 2)


def test_polynomial():
    assert shares({"name": "polynomial", "power": 2.0}, 4) == pytest.approx(
        [1.0, 0.5625, 0.25, 0.0625]
    )
    straight = {"name": "polynomial", "power": 1.0, "end_fraction": 0.1}
    assert shares(straight) == pytest.approx(shares({"name": "linear", "end_fraction": 0.1}))


def test_exponential_smooth_and_in_jumps():
    smooth = {"name": "exponential", "decay_rate": 0.25, "steps": 2}
    assert shares(smooth, 8) == pytest.approx([0.25 ** (2 * i / 8) for i in range(8)])
    jumps = shares({**smooth, "staircase": True}, 8)
    assert jumps == pytest.approx([1.0] * 4 + [0.25] * 4)


def test_inverse_sqrt_is_half_the_peak_after_four_times_the_warmup():
    rates = shares({"name": "inverse_sqrt", "warmup_fraction": 0.1}, 100)
    assert rates[10] == 1.0
    assert rates[40] == pytest.approx(0.5)


@pytest.mark.parametrize("name", schedules.REGISTRY.names())
@pytest.mark.parametrize("total", [1, 2, 7, 1000])
@pytest.mark.parametrize("warmup", [0.0, 0.001, 0.3, 1.0])
def test_every_rate_is_above_zero_and_at_most_the_peak(name, total, warmup):
    rates = shares({"name": name, "warmup_fraction": warmup}, total)
    assert all(0.0 < rate <= 1.0 for rate in rates)


def test_warmup_counts_whole_updates():
    assert warmup_updates(0.0, 100) == 0
    assert warmup_updates(0.1, 100) == 10
    assert warmup_updates(0.001, 100) == 1
    assert warmup_updates(0.07, 100) == 7  # 0.07 * 100 is a little above 7 in floating point


@pytest.mark.parametrize(
    ("given", "where", "remedy"),
    [
        ({"name": "linaer"}, "schedule.name", "constant, cosine"),
        ({"name": "linear", "cycles": 2}, "schedule.cycles", "warmup_fraction, end_fraction"),
        ({"name": "linear", "end_fraction": "all"}, "schedule.end_fraction", "a number"),
        ({"name": "cosine_restarts", "cycles": 2.5}, "schedule.cycles", "a whole number"),
        ({"name": "exponential", "staircase": 1}, "schedule.staircase", "true or false"),
    ],
)
def test_unknown_names_and_fields_are_errors(given, where, remedy):
    with pytest.raises(InputError) as caught:
        schedules.from_mapping(given)
    assert caught.value.where == where
    assert remedy in caught.value.remedy


def test_a_warmup_that_is_no_share_is_an_error():
    with pytest.raises(ValueError, match="warmup_fraction is 2"):
        make_schedule({"name": "linear", "warmup_fraction": 2}).learning_rate(PEAK, 1, 10)
