"""The rules against real fine-tunes, each named by eye before (benchmarks/recorded/judged.csv)."""

import pytest

from benchmarks.judging import judged, load


@pytest.fixture(scope="module")
def right():
    words = judged()
    return [(curve.held_out, curve.diagnose().status in words[curve.name][0]) for curve in load()]


@pytest.mark.parametrize("held_out", [False, True])
def test_the_rules_say_what_a_person_says(right, held_out):
    found = [agrees for kept, agrees in right if kept is held_out]
    assert len(right) >= 110
    assert len(found) >= 30
    assert sum(found) / len(found) >= 0.9
