import itertools
import random

import pytest

from tuner.diagnosis.sweep.rank_tests import EXACT, discoveries, location, overlap, spread


@pytest.mark.parametrize(
    ("group", "others", "expected"),
    [([1, 2, 3], [4, 5, 6, 7], 1 / 35), ([1, 2], [2, 3], 2 / 6), ([1], [2], 1 / 2)],
)
def test_the_exact_location_test_counts_every_way_to_draw(group, others, expected):
    assert location(group, others).low == pytest.approx(expected)
    assert location([-x for x in group], [-x for x in others]).high == pytest.approx(expected)


def test_location_and_spread_agree_with_drawing_by_hand():
    generator = random.Random(1)  # noqa: S311
    values = [generator.randrange(6) for _ in range(9)]
    ranks = [sum(o < v for o in values) + (values.count(v) + 1) / 2 for v in values]
    for test, scores in ((location, ranks), (spread, [abs(r - 5) for r in ranks])):
        sums = [sum(drawn) for drawn in itertools.combinations(scores, 4)]
        tails = test(values[:4], values[4:])
        assert tails.low == pytest.approx(sum(s <= sum(scores[:4]) for s in sums) / len(sums))
        assert tails.high == pytest.approx(sum(s >= sum(scores[:4]) for s in sums) / len(sums))


def test_the_normal_approximation_joins_the_exact_test():
    generator = random.Random(2)  # noqa: S311
    values = [generator.gauss(0, 1) for _ in range(EXACT)]
    group, others = [v - 0.5 for v in values[:15]], values[15:]
    exact = location(group, others).low
    one_more = location(group, [*others, 0.0]).low
    assert one_more == pytest.approx(exact, rel=0.4)
    assert location([1.0] * 30, [1.0] * 30).two_sided == 1.0


def test_overlap_is_fishers_and_discoveries_are_benjamini_and_hochbergs():
    assert overlap(5, 5, 5, 10) == pytest.approx(1 / 252)
    assert overlap(0, 5, 5, 10) == pytest.approx(1.0)
    assert overlap(3, 3, 3, 6) == 0.05  # On a bound of 0.05, and no rounding error above it.
    assert discoveries([0.01, 0.04, 0.03, 0.9], 0.05) == [True, False, False, False]
    assert discoveries([0.01, 0.02, 0.03, 0.9], 0.05) == [True, True, True, False]
    assert discoveries([], 0.05) == []
