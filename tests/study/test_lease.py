"""A lease that agents take in turn: one holder at a time, and none that is dead or stuck."""

import threading
import time

import pytest

from tests.records import outcome
from tests.studies import complete, on_both
from tuner.study import LeaseError
from tuner.study.lease import LONGEST_HOLD


def lease(study, **given):
    made = study.lease("turn")
    for name, value in given.items():
        setattr(made, f"_{name}", value)
    return made


@on_both
def test_one_agent_at_a_time(open_study, kind, machines):
    inside, most, errors = [], [], []

    def work(study):
        mine = lease(study)
        try:
            for _ in range(5):
                with mine.held(60.0):
                    inside.append(study)
                    most.append(len(inside))
                    mine.check()
                    time.sleep(0.002)
                    inside.remove(study)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(open_study(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert most == [1] * 20


@on_both
def test_who_waits_in_vain_is_told_and_the_holder_goes_on(open_study, kind, machines):
    holder, other = lease(open_study()), lease(open_study())
    with holder.held(1.0):
        with pytest.raises(LeaseError), other.held(0.05):
            raise AssertionError
        holder.check()
    with other.held(1.0):
        other.check()


@on_both
def test_a_holder_that_is_gone_is_not_waited_for(open_study, kind):
    """An agent of this process that was left without an end, as a killed one of this machine."""
    gone, other = lease(open_study()), lease(open_study())
    held = gone.held(1.0)
    held.__enter__()
    with other.held(0.05):
        other.check()
        with pytest.raises(LeaseError):
            gone.check()
    held.__exit__(None, None, None)


@on_both
def test_a_holder_on_another_machine_loses_it_when_nothing_changes(open_study, kind, machines):
    now = [0.0]

    def sleep(seconds):
        now[0] += 1.0

    frozen = lease(open_study())
    other = lease(open_study(), clock=lambda: now[0], sleep=sleep)
    held = frozen.held(1.0)
    held.__enter__()
    with pytest.raises(LeaseError), other.held(LONGEST_HOLD / 2):
        raise AssertionError
    with other.held(LONGEST_HOLD):
        assert now[0] > LONGEST_HOLD
        with pytest.raises(LeaseError):
            frozen.check()
        held.__exit__(None, None, None)  # What is no longer its own it leaves alone.
        other.check()


@on_both
def test_turns_of_one_agent_are_no_stuck_holder(open_study, kind, machines):
    """Each turn is another one: an agent that takes it often is not frozen."""
    now = [0.0]
    study = open_study()
    busy, other = lease(study), lease(open_study(), clock=lambda: now[0])
    turns = []

    def sleep(seconds):
        now[0] += LONGEST_HOLD
        turns.pop().__exit__(None, None, None)
        turns.append(busy.held(1.0))
        turns[-1].__enter__()

    other._sleep = sleep
    turns.append(busy.held(1.0))
    turns[-1].__enter__()
    with pytest.raises(LeaseError), other.held(5 * LONGEST_HOLD):
        raise AssertionError
    turns.pop().__exit__(None, None, None)


@on_both
def test_the_study_goes_on_while_somebody_holds_it(open_study, kind, machines):
    study, other = open_study(), open_study()
    with lease(study).held(1.0):
        asked = complete(other)
        again = other.claim(None)
        other.finish(outcome(again.number, value=0.5, parameters=again.parameters))
    assert [each.number for each in study.outcomes()] == [asked.number, again.number]


@on_both
def test_a_lease_that_is_renewed_is_held_for_any_time(open_study, kind, machines, monkeypatch):
    monkeypatch.setattr("tuner.study.lease.RENEWAL", 0.02)
    now, begun = [0.0], time.monotonic()

    def sleep(seconds):
        """As long as the holder needs for a renewal counts as all that it may take."""
        time.sleep(0.3)
        now[0] += 0.9 * LONGEST_HOLD

    holder = lease(open_study())
    other = lease(open_study(), clock=lambda: now[0], sleep=sleep)
    with holder.renewed(1.0):
        with pytest.raises(LeaseError), other.held(3 * LONGEST_HOLD):
            raise AssertionError
        assert now[0] > 3 * LONGEST_HOLD
        holder.check()
    assert time.monotonic() - begun > 0.9
    with other.held(0.05), pytest.raises(LeaseError):
        holder.check()


@on_both
def test_a_renewed_lease_that_was_lost_is_not_taken_back(open_study, kind, machines, monkeypatch):
    monkeypatch.setattr("tuner.study.lease.RENEWAL", 0.02)
    study = open_study()
    holder = lease(study)
    with holder.renewed(1.0):
        study.set_attr("turn", None)  # As another agent does that takes it over and lets it go.
        time.sleep(0.2)
        with pytest.raises(LeaseError):
            holder.check()
    assert study.attributes()["turn"] is None
