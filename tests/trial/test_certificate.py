"""Certificates of trials: comparison of marks, and what has changed."""

from dataclasses import replace

import pytest

from tuner.trial.certificate import Agreement, Conditions, Mark, changed, compare


def mark(update, loss=0.5, weights="0f", val_loss=None) -> Mark:
    return Mark(update=update, loss=loss, weights=weights, val_loss=val_loss)


MARKS = [mark(1, 0.7), mark(10, 0.6), mark(20, 0.5, val_loss=0.55)]


def test_equal_marks_are_identical():
    found = compare(MARKS, list(MARKS))
    assert (found.agreement, found.updates, found.marks) == (Agreement.IDENTICAL, 20, 3)
    assert found.first is None


def test_a_repetition_of_the_first_updates_is_compared_as_far_as_it_goes():
    found = compare(MARKS, MARKS[:2])
    assert (found.agreement, found.updates, found.marks) == (Agreement.IDENTICAL, 10, 2)


def test_nothing_in_common_compares_nothing():
    found = compare(MARKS, [mark(5)])
    assert (found.marks, found.updates) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [mark(10, 0.6 * (1 + 9e-4)), mark(10, 0.6, weights="1e")],
    ids=["loss", "weights"],
)
def test_a_small_difference_is_rounding(other):
    found = compare(MARKS, [MARKS[0], other, MARKS[2]])
    assert found.agreement is Agreement.ROUNDING
    assert found.first == (MARKS[1], other)


@pytest.mark.parametrize(
    "other",
    [mark(20, 0.5 * (1 + 2e-3), val_loss=0.55), mark(20, 0.5, val_loss=0.56)],
    ids=["loss", "validation loss"],
)
def test_a_large_difference_is_none_of_rounding(other):
    close = replace(MARKS[1], weights="1e")
    found = compare(MARKS, [MARKS[0], close, other])
    assert found.is_different
    assert found.first == (MARKS[2], other)


RECORDED = Conditions(
    settings={"training.seed": 0, "optimizer.learning_rate": 1e-5},
    data="d0",
    checkpoint="c0",
    versions={"tensorflow": "2.20"},
    threads=1,
    device="AMD EPYC",
    code="a1",
)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"settings": {**RECORDED.settings, "training.seed": 3}}, "seed: 0 → 3"),
        (
            {"settings": {**RECORDED.settings, "optimizer.learning_rate": 2e-5}},
            "configuration optimizer.learning_rate: 1e-05 → 2e-05",
        ),
        ({"data": "d1"}, "data: d0 → d1"),
        ({"checkpoint": "c1"}, "checkpoint: c0 → c1"),
        ({"versions": {"tensorflow": "2.21"}}, "version of tensorflow: 2.20 → 2.21"),
        ({"versions": {}}, "version of tensorflow: 2.20 → not installed"),
        ({"threads": 2}, "threads: 1 → 2"),
        ({"device": "H100"}, "device: AMD EPYC → H100"),
        ({"code": "b2"}, "code: a1 → b2"),
    ],
)
def test_each_condition_is_named(change, line):
    assert [str(each) for each in changed(RECORDED, replace(RECORDED, **change))] == [line]


def test_the_most_likely_cause_comes_first():
    now = replace(RECORDED, code="b2", data="d1", settings={"training.seed": 1, "a.b": 2})
    kinds = [each.kind for each in changed(RECORDED, now)]
    assert kinds[0] == "seed"
    assert kinds[-2:] == ["data", "code"]


def test_unknown_conditions_are_no_difference():
    assert not list(changed(Conditions(settings=RECORDED.settings), RECORDED))
