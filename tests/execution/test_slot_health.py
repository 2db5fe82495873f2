"""When a slot is taken out of service."""

import pytest

from tuner.execution.slot_health import FAILURES, SlotHealth


@pytest.fixture
def service():
    return SlotHealth()


def fail(service, slot, times=FAILURES):
    for _ in range(times):
        service.failed(slot)


def test_a_slot_that_fails_while_another_works_is_left_alone(service):
    service.worked(0)
    fail(service, 1, FAILURES - 1)
    assert not service.is_out(1, {0})
    service.failed(1)
    assert service.is_out(1, {0})


def test_a_slot_that_fails_while_others_have_shown_nothing_rests(service):
    service.failed(1)
    assert service.is_suspect(1, {0})
    assert not service.rests(1, {0})
    fail(service, 1)
    assert service.rests(1, {0})
    assert not service.is_out(1, {0})
    service.worked(0)
    assert service.is_out(1, {0})


def test_where_all_fail_it_is_the_trials(service):
    fail(service, 0)
    fail(service, 1)
    for slot, other in ((0, 1), (1, 0)):
        assert not service.is_suspect(slot, {other})
        assert not service.rests(slot, {other})
        assert not service.is_out(slot, {other})


def test_the_only_slot_is_never_left_alone(service):
    service.worked(0)
    fail(service, 0)
    assert not service.is_suspect(0, ())
    assert not service.is_out(0, ())


def test_a_report_in_between_forgives(service):
    service.worked(0)
    for _ in range(5):
        fail(service, 1, FAILURES - 1)
        service.worked(1)
        assert not service.is_suspect(1, {0})
        assert not service.is_out(1, {0})
