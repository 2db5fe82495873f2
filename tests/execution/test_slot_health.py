"""When a slot is taken out of service."""

import pytest

from tuner.execution.slot_health import FAILURES, SlotHealth


@pytest.fixture
def health():
    return SlotHealth()


def fail(health, slot, times=FAILURES):
    for _ in range(times):
        health.failed(slot)


def test_a_slot_that_fails_while_another_works_is_left_alone(health):
    health.worked(0)
    fail(health, 1, FAILURES - 1)
    assert not health.is_out(1, {0})
    health.failed(1)
    assert health.is_out(1, {0})


def test_a_slot_that_fails_while_others_have_shown_nothing_rests(health):
    health.failed(1)
    assert health.is_suspect(1, {0})
    assert not health.rests(1, {0})
    fail(health, 1)
    assert health.rests(1, {0})
    assert not health.is_out(1, {0})
    health.worked(0)
    assert health.is_out(1, {0})


def test_where_all_fail_it_is_the_trials(health):
    fail(health, 0)
    fail(health, 1)
    for slot, other in ((0, 1), (1, 0)):
        assert not health.is_suspect(slot, {other})
        assert not health.rests(slot, {other})
        assert not health.is_out(slot, {other})


def test_the_only_slot_is_never_left_alone(health):
    health.worked(0)
    fail(health, 0)
    assert not health.is_suspect(0, ())
    assert not health.is_out(0, ())


def test_a_report_in_between_forgives(health):
    health.worked(0)
    for _ in range(5):
        fail(health, 1, FAILURES - 1)
        health.worked(1)
        assert not health.is_suspect(1, {0})
        assert not health.is_out(1, {0})
