"""A study that the version before this one left in the middle, in a database and in a journal.

That version wrote Optuna's tables and journal itself, and heartbeats into a table of Optuna's. In
the study two trials have ended, trial 2 is run by an agent of another machine, trial 3 was put
back with its parameters, and trial 4 has waited from the start and was never claimed.
"""

import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from optuna.trial import TrialState as OptunaState

from tests.goals import goals
from tests.records import outcome
from tests.studies import BRIEF, on_both, stored
from tuner.confirmation import CONFIRMED, CONFIRMS, SEED, confirmation
from tuner.errors import InputError
from tuner.study.reader import stored_confirmation
from tuner.tracking.events import MetricsLogged, from_line, to_line
from tuner.trial.records import TrialState
from tuner.trial.serialization import to_plain

GOALS = goals(("val_accuracy",))
STORED = Path(__file__).parent / "stored"
PARAMETERS = {"optimizer": "sgd", "optimizer.learning_rate": 1e-5, "optimizer.momentum": 0.9}


@pytest.fixture
def earlier(tmp_path, kind):
    """Put the study where `open_study` looks for it."""
    if kind == "journal":
        shutil.copy(STORED / "study_before_claims.journal", tmp_path / "study.journal")
        return
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        database.executescript((STORED / "study_before_claims.sql").read_text(encoding="utf-8"))


def trials(folder):
    return [
        (trial.number, trial.state, trial.params, trial.user_attrs, trial.system_attrs)
        for trial in stored(folder).get_trials()
    ]


@on_both
def test_while_its_agent_may_live_the_study_is_refused_and_left_as_it_was(
    open_study, earlier, kind, tmp_path
):
    before = trials(tmp_path), stored(tmp_path).user_attrs
    with pytest.raises(InputError) as refused:
        open_study(storage=BRIEF)
    assert "old-host" in refused.value.where
    assert "storage.heartbeat_timeout" in refused.value.remedy
    assert (trials(tmp_path), stored(tmp_path).user_attrs) == before


@on_both
def test_once_its_agent_is_silent_the_study_is_continued(open_study, earlier, kind, tmp_path):
    with pytest.raises(InputError):
        open_study(storage=BRIEF)
    time.sleep(BRIEF.heartbeat_timeout + 0.3)
    study = open_study(storage=BRIEF)
    assert "code: " in study.notice
    claimed = {}
    while len(claimed) < 4:
        trial = study.claim(6)
        if trial is not None:  # Just after its start an agent judges nobody's silence.
            claimed[trial.number] = trial
        time.sleep(0.05)
    assert study.claim(6) is None
    assert sorted(claimed) == [2, 3, 4, 5]
    assert (claimed[2].parameters, claimed[2].attempt, claimed[2].crashes) == (PARAMETERS, 2, 1)
    assert (claimed[3].attempt, claimed[3].crashes) == (2, 0)
    assert claimed[3].parameters["optimizer.learning_rate"] == 2e-5
    assert claimed[4].parameters["optimizer.learning_rate"] == 6e-5
    for trial in claimed.values():
        study.finish(outcome(trial.number, value=0.7, parameters=trial.parameters))
    ended = study.outcomes()
    assert [each.number for each in ended] == list(range(6))
    assert ended[1].state is TrialState.PRUNED
    found = stored(tmp_path).trials
    assert found[2].intermediate_values == {1: 0.55}
    assert {trial.state for trial in found} == {OptunaState.COMPLETE, OptunaState.PRUNED}


@on_both
def test_a_claim_of_its_waiting_trial_that_was_interrupted_is_made_again(
    open_study, earlier, kind, tmp_path
):
    with pytest.raises(InputError):
        open_study(storage=BRIEF)
    time.sleep(BRIEF.heartbeat_timeout + 0.3)
    stored(tmp_path).ask()  # Trial 3 has an owner, None; trial 4 has none at all.
    stored(tmp_path).ask()
    study = open_study(storage=BRIEF)
    claimed = {}
    while len(claimed) < 3:
        trial = study.claim(5)
        if trial is not None:  # Not before the silence of trial 4 is long enough.
            claimed[trial.number] = trial
        time.sleep(0.05)
    assert sorted(claimed) == [2, 3, 4]
    assert (claimed[4].attempt, claimed[4].crashes) == (1, 0)
    assert claimed[4].parameters["optimizer.learning_rate"] == 6e-5
    assert study.claim(5) is None


def test_a_confirmation_of_an_earlier_version_is_read():
    repeats = [
        outcome(0, TrialState.COMPLETE, 0.9 + seed / 100, parameters={CONFIRMS: 0, SEED: seed})
        for seed in (1, 2, 3)
    ]
    found = confirmation([outcome(0, value=0.9)], repeats, GOALS, seeds=3)
    plain = to_plain(found)
    plain["final_look"] = plain.pop("final_evaluation")
    assert stored_confirmation({CONFIRMED: plain}, GOALS) == found


def test_events_are_read_by_the_names_that_earlier_versions_wrote():
    event = MetricsLogged(at=1, run="r", step=2, metrics={"a": 3.0})
    assert json.loads(to_line(event))["_type"] == "Logged"
    assert from_line(to_line(event)) == event
