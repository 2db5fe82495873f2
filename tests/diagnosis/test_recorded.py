"""The rules against real fine-tunes, each named by eye before (benchmarks/recorded/judged.csv)."""

import pytest

from benchmarks.judging import HELD_OUT, IN_SIGHT, LATER, judged, load


@pytest.fixture(scope="module")
def right():
    words = judged()
    return [(curve.part, curve.diagnose().status in words[curve.name][0]) for curve in load()]


@pytest.mark.parametrize(("part", "count", "least"), [
    (IN_SIGHT, 80, 0.9), (HELD_OUT, 30, 0.9), (LATER, 24, 0.75),
])  # fmt: skip
def test_the_rules_say_what_a_person_says(right, part, count, least):
    found = [agrees for its_part, agrees in right if its_part == part]
    assert len(found) >= count
    assert sum(found) / len(found) >= least
