import math

import pytest

from tuner.search.domain import (
    OUTSIDE,
    Choice,
    FloatInterval,
    IntInterval,
    contains,
    corners,
    member,
)

EPOCHS = IntInterval(low=1, high=8)
BATCH = IntInterval(low=8, high=64, step=8)
RATE = FloatInterval(low=1e-6, high=1e-3, log=True)
MIXED = Choice(values=(0, "1", 2.5, True, None, "null-ish", "01"))


@pytest.mark.parametrize(
    ("domain", "value", "expected"),
    [
        (EPOCHS, 4.0, 4),
        (EPOCHS, 4, 4),
        (EPOCHS, "4", 4),
        (EPOCHS, "4.0", 4),
        (EPOCHS, 4.5, OUTSIDE),
        (EPOCHS, 9.0, OUTSIDE),
        (EPOCHS, True, OUTSIDE),
        (EPOCHS, None, OUTSIDE),
        (EPOCHS, math.nan, OUTSIDE),
        (EPOCHS, math.inf, OUTSIDE),
        (EPOCHS, "04", OUTSIDE),
        (EPOCHS, "many", OUTSIDE),
        (BATCH, 24.0, 24),
        (BATCH, 20, OUTSIDE),
        (IntInterval(low=1, high=64, log=True), 5.0, 5),
        (RATE, 1e-4, 1e-4),
        (RATE, "1e-4", 1e-4),
        (RATE, 0, OUTSIDE),
        (RATE, 0.001 + 1e-19, 1e-3),
        (RATE, 0.00100001, OUTSIDE),
        (FloatInterval(low=0.0, high=2.0), 1, 1.0),
        (FloatInterval(low=0.0, high=2.0), False, OUTSIDE),
        (FloatInterval(low=0.0, high=2.0), "", OUTSIDE),
        (Choice(values=(8, 16)), 16.0, 16),
        (Choice(values=(8, 16)), "16", 16),
        (Choice(values=(8, 16)), 8.1, OUTSIDE),
        (Choice(values=("8", "16")), 16, "16"),
        (Choice(values=("8", "16")), 16.0, "16"),
        (Choice(values=(0.1, 0.2, 0.3)), 0.1 + 0.2, 0.3),
        (Choice(values=(0, 1)), True, OUTSIDE),
        (Choice(values=(0, 1)), "true", OUTSIDE),
        (Choice(values=(True, False)), "true", True),
        (Choice(values=(True, False)), 1, OUTSIDE),
        (Choice(values=(True, False)), "1", OUTSIDE),
        (Choice(values=(None, 1.0)), None, None),
        (Choice(values=(None, 1.0)), "null", None),
        (Choice(values=(None, 1.0)), 1, 1.0),
        (Choice(values=(1.0,)), None, OUTSIDE),
        (Choice(values=("null",)), None, "null"),
        (Choice(values=("adamw", "sgd")), "AdamW", OUTSIDE),
        (MIXED, 1, "1"),
        (MIXED, "01", "01"),
        (MIXED, 0.0, 0),
        (MIXED, "0", 0),
        (MIXED, False, OUTSIDE),
        (MIXED, "2.5", 2.5),
        (MIXED, "true", True),
    ],
)
def test_a_value_in_any_spelling_is_found_as_the_domain_has_it(domain, value, expected):
    found = member(domain, value)
    assert (found, type(found)) == (expected, type(expected))
    assert contains(domain, value) is (expected is not OUTSIDE)


@pytest.mark.parametrize("domain", [Choice(values=(4, "4")), Choice(values=("4", 4))])
@pytest.mark.parametrize("value", [4, "4"])
def test_of_two_spellings_that_are_both_there_each_is_itself(domain, value):
    found = member(domain, value)
    assert (found, type(found)) == (value, type(value))


def test_two_real_choices_as_close_as_rounding_are_each_themselves():
    close = 0.3 * (1 + 1e-12)
    assert member(Choice(values=(0.3, close)), close) == close
    assert member(Choice(values=(0.3, close)), 0.3) == 0.3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((3, 1, 2), (3, 1, 2)),
        (tuple(range(1000, 0, -1)), (1, 1000)),
        ((*range(50), 0.5, -2.5, 1.5), (0, 49, -2.5, 1.5)),
        ((*range(50), 0.5), (0, 49, 0.5)),
        ((*map(str, range(30)),), tuple(map(str, range(30)))),
        ((*range(2, 30), None), (*range(2, 30), None)),
        ((*range(2, 30), True), (*range(2, 30), True)),
    ],
)
def test_the_corners_of_a_choice_are_all_its_values_or_the_ends_of_many_numbers(values, expected):
    assert corners(Choice(values=values)) == expected


def test_whole_numbers_beside_a_large_bound_are_themselves():
    domain = IntInterval(low=0, high=2**32 - 1)
    for number in (2**32 - 1, 2**32 - 2, 2**32 - 3):
        assert member(domain, number) == number
