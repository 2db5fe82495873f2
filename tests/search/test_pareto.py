"""Several objectives: which trials no other one beats, and which of those to take."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.goals import goals
from tests.records import outcome
from tuner.search.pareto import best, by_preference, dominates, front, pick, undominated
from tuner.trial.records import TrialState

BOTH = goals(["val_accuracy", "val_loss"])


def trial(number, accuracy, loss, **fields):
    measured = {"val_accuracy": accuracy, "val_loss": loss}
    return outcome(number, value=accuracy, measured=measured, **fields)


ACCURATE, MIDDLE, CAUTIOUS = trial(1, 0.9, 0.9), trial(2, 0.88, 0.3), trial(3, 0.6, 0.2)
BEATEN = trial(4, 0.8, 0.4)
PRUNED = outcome(5, TrialState.PRUNED)
OVER = trial(6, 0.99, 0.01, violated=("peak_memory_bytes 3e10, not <= 2e10",))
ALL = [PRUNED, BEATEN, CAUTIOUS, OVER, ACCURATE, MIDDLE]


def numbers(outcomes):
    return [each.number for each in outcomes]


def test_the_front_holds_what_no_usable_trial_beats_the_first_objectives_best_first():
    assert numbers(front(ALL, BOTH)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("how", "weights", "expected"),
    [
        ("knee", None, 2),
        ("first", None, 1),
        ("weights", {"val_loss": 1.0}, 3),
        ("weights", {"val_accuracy": 1.0}, 1),
        ("weights", {"val_accuracy": 1.0, "val_loss": 0.1}, 2),
    ],
)
def test_which_of_the_front_to_take(how, weights, expected):
    assert pick(front(ALL, BOTH), BOTH, how, weights).number == expected


def test_of_two_ends_the_first_objectives_best_is_the_knee():
    assert pick(front([CAUTIOUS, ACCURATE], BOTH), BOTH).number == 1
    assert pick([], BOTH) is None


def test_what_to_take_stands_first_and_what_misses_a_constraint_after_what_was_beaten():
    assert numbers(by_preference(ALL, BOTH)) == [2, 1, 3, 4, 6, 5]
    assert best(ALL, BOTH).number == 2
    assert best([OVER, PRUNED], BOTH) is None


def test_with_one_objective_the_order_is_that_of_its_values():
    alone = goals(["val_accuracy"])
    trials = [outcome(number, value=value) for number, value in enumerate((0.5, 0.7, 0.6, 0.7))]
    assert numbers(by_preference(trials, alone)) == [1, 3, 2, 0]
    assert numbers(front(trials, alone)) == [1, 3]


POINTS = st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=12)


@given(POINTS)
def test_the_undominated_are_those_that_no_other_point_dominates(points):
    kept = undominated(points)
    assert kept == {p for p in points if not any(dominates(other, p) for other in points)}


def test_nothing_dominates_itself():
    for point in permutations((1.0, 2.0, 3.0)):
        assert not dominates(point, point)
    assert dominates((1.0, 2.0), (1.0, 1.0))
    assert not dominates((1.0, 2.0), (2.0, 1.0))
