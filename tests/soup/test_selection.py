"""The greedy selection and its acceptance, on made-up scores."""

import math

import pytest

from tuner.soup import Gain, Member
from tuner.soup.selection import ordered, rejection, select

A, B, C, D = (Member(trial=number, seed=0) for number in range(4))


def better_with(*together):
    """Scores of averages: 0.5, and a tenth more for each member among `together`."""
    return lambda members: 0.5 + 0.1 * len({*members} & {*together})


def kept(steps):
    return [step.member for step in steps if step.kept]


def test_candidates_come_best_first_and_are_kept_where_they_help():
    alone = {A: 0.5, B: 0.6, C: 0.4, D: 0.3}
    steps = list(select(alone, better_with(B, C), 1.0))
    assert [(step.member, step.alone) for step in steps] == [
        (B, 0.6),
        (A, 0.5),
        (C, 0.4),
        (D, 0.3),
    ]
    assert kept(steps) == [B, A, C, D]  # A and D do no harm.
    # With A, the average falls to 0.4.
    steps = list(select(alone, lambda members: 0.4 if A in members else 0.7, 1.0))
    assert kept(steps) == [B, C, D]
    assert [step.score for step in steps] == pytest.approx([0.6, 0.4, 0.7, 0.7])


def test_each_average_holds_the_members_so_far_and_the_candidate():
    asked = []

    def score_of(members):
        asked.append(list(members))
        return {2: 0.6, 3: 0.1}[len(members)]

    list(select({A: 0.5, B: 0.4, C: 0.3, D: 0.2}, score_of, 1.0))
    assert asked == [[A, B], [A, B, C], [A, B, D]]


def test_a_metric_that_falls_is_better_when_it_is_smaller():
    alone = {A: 2.0, B: 1.0, C: 3.0}
    steps = list(select(alone, lambda members: 0.9 if C not in members else 0.95, -1.0))
    assert [step.member for step in steps] == [B, A, C]
    assert kept(steps) == [B, A]


def test_scores_that_are_no_number_come_last_and_are_never_kept():
    alone = {A: math.nan, B: 0.2, C: 0.2}
    assert ordered(alone, 1.0) == ordered(alone, -1.0) == [B, C, A]
    steps = list(select(alone, lambda members: math.nan if A in members else 0.2, 1.0))
    assert kept(steps) == [B, C]


UP, NONE, DOWN = (Gain(mean=mean, low=mean - 0.1, high=mean + 0.1) for mean in (0.01, 0.0, -0.01))


@pytest.mark.parametrize(
    ("members", "gains", "accepted"),
    [
        (2, (UP,), True),
        (2, (NONE,), True),
        (2, (Gain(mean=-1e-8),), True),  # As float32 rounds.
        (2, (DOWN,), False),
        (2, (UP, UP), True),
        (2, (UP, NONE), True),
        (2, (UP, DOWN), False),
        (2, (UP, None, NONE), True),
        (2, (UP, UP, DOWN), False),
        (1, (None,), False),
        (2, (Gain(mean=math.nan, low=math.nan, high=math.nan),), False),
    ],
)
def test_a_soup_is_published_if_it_is_no_worse_on_the_other_half(members, gains, accepted):
    assert (rejection(members, *gains) is None) is accepted
