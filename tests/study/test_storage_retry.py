"""A database that is away, locked or full."""

import subprocess
import sys
from contextlib import contextmanager

import pytest
from optuna.trial import TrialState as OptunaState
from sqlalchemy import create_engine, event, text

from tests.records import outcome
from tests.studies import complete, stored
from tuner.files.disk import DiskFullError, UnwritableError
from tuner.settings.settings import StorageSettings
from tuner.study.storage_retry import StorageRetry, StorageUnavailableError

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def held_by_another_process(database, seconds):
    """Nobody else can write the database for so long."""
    words = [sys.executable, "-c", HOLD, str(database), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        yield
        holder.kill()


def test_a_database_locked_for_longer_than_sqlite_waits_loses_nothing(
    open_study, tmp_path, monkeypatch
):
    monkeypatch.setattr("tuner.study.storage.LOCK_TIMEOUT", 0.2)
    study = open_study()
    asked = study.claim(None)
    with held_by_another_process(tmp_path / "study.db", 1.5):
        study.report(asked.number, 1, {"val_accuracy": 0.6})
        study.report(asked.number, 2, {"val_accuracy": 0.7})
        study.finish(outcome(asked.number, value=0.7, parameters=asked.parameters))
    (trial,) = stored(tmp_path).trials
    assert trial.intermediate_values == {1: 0.6, 2: 0.7}
    assert (trial.state, trial.value) == (OptunaState.COMPLETE, 0.7)


def test_a_database_locked_for_too_long_is_told_and_the_trial_is_taken_up_again(
    open_study, tmp_path, monkeypatch
):
    monkeypatch.setattr("tuner.study.storage.LOCK_TIMEOUT", 0.2)
    study = open_study(storage=StorageSettings(retry_timeout=0.5))
    asked = study.claim(None)
    with held_by_another_process(tmp_path / "study.db", 60):
        with pytest.raises(
            StorageUnavailableError, match=r"did not answer for 0 s.*database is locked"
        ):
            study.report(asked.number, 1, {"val_accuracy": 0.6})
        study.close()
    assert open_study().claim(1).number == asked.number


def test_in_a_hurry_a_locked_database_is_not_waited_for(open_study, tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.study.storage.LOCK_TIMEOUT", 0.2)
    study = open_study()
    asked = study.claim(None)
    study.stop_retrying()
    with (
        held_by_another_process(tmp_path / "study.db", 60),
        pytest.raises(StorageUnavailableError, match=r"did not answer: .*database is locked"),
    ):
        study.report(asked.number, 1, {"val_accuracy": 0.6})


def report_often(study, number):
    for point in range(1, 1000):
        study.report(number, point, {"val_accuracy": 0.6})


def limit(study, pragma):
    """Every connection from now on is limited by SQLite itself."""
    engine = study._storage.engine
    event.listen(engine, "connect", lambda connection, _: connection.execute(pragma))
    engine.dispose()


@pytest.mark.parametrize(
    ("pragma", "error", "words"),
    [
        ("PRAGMA max_page_count=1", DiskFullError, "the disk is full.*study.db"),
        ("PRAGMA query_only=1", UnwritableError, "it cannot be read or written: .*readonly"),
    ],
)
def test_a_database_that_takes_no_more_is_told_at_once_and_resumes(
    open_study, tmp_path, pragma, error, words
):
    study = open_study()
    complete(study)
    asked = study.claim(None)
    limit(study, pragma)
    with pytest.raises(error, match=f"(?s){words}.*the same command"):
        report_often(study, asked.number)
    study.close()
    again = open_study()
    assert again.claim(2).number == asked.number
    again.finish(outcome(asked.number, value=0.8))
    assert again.claim(2) is None
    assert [o.number for o in again.outcomes()] == [0, 1]


def test_tables_that_another_agent_makes_just_now_are_waited_for(tmp_path):
    waits = []
    patience = StorageRetry(60.0, "here", sleep=waits.append)
    engine = create_engine(f"sqlite:///{tmp_path / 'study.db'}")

    def make():
        with engine.begin() as connection:
            connection.execute(
                text("CREATE TABLE studies (id INTEGER)" if not waits else "SELECT 1")
            )

    make()
    patience(make)
    engine.dispose()
    assert waits


def test_a_suspension_while_the_database_is_away_uses_up_no_patience():
    now, tries = 0.0, []

    def sleep(seconds):
        nonlocal now
        now += 3600.0 if len(tries) == 2 else max(seconds, 0.01)

    def action():
        tries.append(now)
        if len(tries) < 5:
            raise ConnectionResetError("the network wakes later than we do")
        return "done"

    assert StorageRetry(30.0, "here", clock=lambda: now, sleep=sleep)(action) == "done"


def test_a_database_that_stays_away_is_given_up_in_time():
    now = 0.0

    def sleep(seconds):
        nonlocal now
        now += max(seconds, 0.01)

    def action():
        raise ConnectionResetError("gone")

    with pytest.raises(StorageUnavailableError):
        StorageRetry(30.0, "here", clock=lambda: now, sleep=sleep)(action)
    assert now == pytest.approx(30.0, abs=0.5)
