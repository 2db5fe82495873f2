"""Agents of several machines with one study."""

import time
from dataclasses import replace

from tests.records import outcome
from tests.studies import BRIEF, on_both, stored
from tuner.study.trial_leases import passed
from tuner.trial.records import TrialState


@on_both
def test_agents_never_hand_out_more_than_the_total(open_study, machines):
    one, other = open_study(), open_study()
    claimed = [study.claim(3) for study in (one, other, one, other)]
    assert [asked and asked.number for asked in claimed] == [0, 1, 2, None]
    other.finish(outcome(1, TrialState.FAILED))
    assert other.claim(3).number == 3


@on_both
def test_the_trial_of_a_silent_agent_changes_its_owner_and_counts_once(
    open_study, tmp_path, monkeypatch, machines
):
    monkeypatch.setattr("tuner.study.trial_leases.GRACE_INTERVALS", 0.0)
    frozen, other = open_study(storage=BRIEF), open_study(storage=BRIEF)
    asked = frozen.claim(1)
    frozen.report(asked.number, 1, {"val_accuracy": 0.6})
    frozen._leases.stop()  # It writes no heartbeat any more.
    assert other.claim(1) is None
    assert other.may_claim(1)
    time.sleep(BRIEF.heartbeat_timeout + 0.3)
    taken = other.claim(1)
    assert taken == replace(asked, attempt=2, crashes=1)

    other.started(asked.number, "", attempt=2, crashes=1)
    assert not frozen.owns(asked.number)
    assert stored(tmp_path).trials[0].user_attrs["crashes"] == 0  # It lives: nothing crashed.
    frozen.report(asked.number, 2, {"val_accuracy": 0.1})
    frozen.finish(outcome(asked.number, value=0.1, parameters=asked.parameters))
    assert other.owns(asked.number)
    other.finish(outcome(asked.number, value=0.8, parameters=asked.parameters))
    (trial,) = stored(tmp_path).trials
    assert (trial.value, trial.intermediate_values) == (0.8, {1: 0.6})
    assert not other.may_claim(1)


@on_both
def test_a_living_agent_keeps_its_trial_however_long_it_takes(open_study, machines):
    busy, other = open_study(storage=BRIEF), open_study(storage=BRIEF)
    asked = busy.claim(1)
    time.sleep(1.5 * BRIEF.heartbeat_timeout)
    assert other.claim(1) is None
    assert busy.owns(asked.number)


def test_a_clock_that_is_set_back_hides_no_silence():
    assert passed((1000.0, 50.0), (900.0, 250.0)) == 200.0  # set back in a sleep of 200 s
    assert passed((1000.0, 50.0), (1200.0, 51.0)) == 200.0  # a virtual machine that was stopped
