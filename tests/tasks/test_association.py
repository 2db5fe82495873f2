"""The chance of right rows for given margins: by all permutations, and by simulation."""

import random
from itertools import permutations
from statistics import NormalDist, fmean, pstdev

import pytest

from tuner.tasks.association import association, right_by_chance
from tuner.tasks.confusion import matthews_correlation


def confusion_of(true, guessed, labels):
    found = [[0] * labels for _ in range(labels)]
    for t, g in zip(true, guessed, strict=True):
        found[t][g] += 1
    return found


@pytest.mark.parametrize(
    ("true", "guessed", "labels"),
    [
        ((0, 0, 0, 1, 1, 1), (0, 1, 0, 1, 1, 0), 2),
        ((0, 0, 0, 0, 0, 1), (0, 0, 0, 0, 1, 1), 2),
        ((0, 1, 2, 0, 1, 2), (0, 0, 1, 2, 2, 2), 3),
        ((0, 0, 0, 1, 2, 3), (0, 0, 1, 1, 3, 3), 4),
    ],
)
def test_the_moments_are_those_of_all_permutations(true, guessed, labels):
    found = right_by_chance(confusion_of(true, guessed, labels))
    right = [
        sum(t == g for t, g in zip(true, dealt, strict=True)) for dealt in permutations(guessed)
    ]
    mean, deviation = fmean(right), pstdev(right)
    assert found.mean == pytest.approx(mean)
    assert found.deviation == pytest.approx(deviation)
    third = fmean((each - mean) ** 3 for each in right) / deviation**3
    assert found.skewness == pytest.approx(third, abs=1e-9)


@pytest.mark.parametrize(("labels", "deviation"), [(2, 0.126), (7, 0.051), (20, 0.029)])
def test_matthews_coefficient_of_64_rows_spreads_less_the_more_labels_there_are(labels, deviation):
    true = [row % labels for row in range(64)]
    chance = random.Random(1)  # noqa: S311
    confusion = confusion_of(true, [(t + 1) % labels for t in true], labels)
    found = right_by_chance(confusion)
    # Matthews' coefficient is linear in the right rows while the margins stay.
    none = matthews_correlation(confusion)
    assert none * found.deviation / -found.mean == pytest.approx(deviation, abs=5e-4)
    dealt = [row % labels for row in range(64)]
    values = []
    for _ in range(4000):
        chance.shuffle(dealt)
        values.append(matthews_correlation(confusion_of(true, dealt, labels)))
    assert pstdev(values) == pytest.approx(deviation, rel=0.05)


CASES = [
    ("two labels", [32, 32], [30, 34]),
    ("seven labels", [9] * 7, [5, 12, 9, 9, 10, 8, 10]),
    ("twenty labels, few rows", [3] * 20, [6] * 10 + [0] * 10),
    ("a rare label, hardly predicted", [120, 13], [130, 3]),
    ("a rare label, often predicted", [120, 13], [110, 23]),
    ("three uneven labels", [49, 11, 4], [58, 6, 0]),
    ("many rows", [600, 400], [700, 300]),
]


@pytest.mark.parametrize(("name", "true", "guessed"), CASES, ids=[case[0] for case in CASES])
def test_chance_passes_a_bound_as_seldom_as_a_normal_variable(name, true, guessed):
    labels = [k for k, count in enumerate(true) for _ in range(count)]
    dealt = [k for k, count in enumerate(guessed) for _ in range(count)]
    chance, statistics = random.Random(2), []  # noqa: S311
    for _ in range(3000):
        chance.shuffle(dealt)
        statistics.append(association(confusion_of(labels, dealt, len(true))))
    for level in (0.05, 0.01):
        bound = NormalDist().inv_cdf(1.0 - level)
        passed = fmean(value > bound for value in statistics)
        assert passed <= level + 3 * (level / 3000) ** 0.5


def test_what_is_right_far_beyond_chance_is_seen():
    assert association([[30, 2], [3, 29]]) > 5
    assert association([[2, 30], [29, 3]]) < -5
    assert association([[0] * k + [3] + [0] * (19 - k) for k in range(20)]) > 10


@pytest.mark.parametrize(
    "confusion", [[[0, 0], [0, 0]], [[5, 0], [3, 0]], [[5, 0], [0, 0]], [[1]], [[1, 0], [0, 1]]]
)
def test_where_nothing_can_be_said_it_is_no_evidence(confusion):
    assert association(confusion) == 0.0
