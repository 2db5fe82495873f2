"""`tracking.on_outage=spool`: a store that is not there at the start and comes up later."""

import sqlite3
import time
from contextlib import closing

import pytest

from tests.engines.postgresql import PostgreSQL, missing
from tests.tracking.runs import assert_all_arrived, run_trial
from tests.tracking.server import Server
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker
from tuner.tracking.sender import Pauses
from tuner.trial.folder import StudyFolder


class Notices(list):
    """Notices so far; `wait_for` waits for another one."""

    def wait_for(self, text, seconds=120.0):
        deadline = time.monotonic() + seconds
        while not any(text in told for told in self):
            assert time.monotonic() < deadline, f"nobody said {text!r}: {self}"
            time.sleep(0.05)
        self.clear()


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "outputs", "s")


@pytest.fixture
def server(tmp_path, empty_mlflow, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    (tmp_path / "server").mkdir()
    made = Server(tmp_path / "server", empty_mlflow)
    yield made
    made.kill()


def opened(uri, folder, notices):
    """A sweep that begins without its store and runs a trial."""
    tracker = Tracker(
        TrackingSettings(uri=uri, on_outage="spool"),
        "s",
        folder,
        pauses=Pauses(first=0.1, longest=0.5),
        notice=notices.append,
    )
    tracker.check()
    tracker.open()
    tracker.sweep_started({}, {})
    tracker.abandon([])
    run_trial(tracker, folder, 0)
    notices.wait_for("MLflow is unavailable")
    return tracker


def test_a_server_that_comes_up_goes_away_and_returns_during_the_sweep_is_used(server, folder):
    notices = Notices()
    tracker = opened(server.uri, folder, notices)
    server.start()
    notices.wait_for("MLflow is back")
    run_trial(tracker, folder, 1)
    server.kill()
    run_trial(tracker, folder, 2)
    notices.wait_for("MLflow is unavailable")
    server.start()
    notices.wait_for("MLflow is back")
    assert tracker.run_id(0) == ""  # It has ended.
    tracker.sweep_finished({}, "text", [], "FINISHED")
    assert tracker.close() == ""
    assert_all_arrived(server.uri, folder, range(3))


def test_a_database_that_is_locked_at_the_start_is_used_once_it_is_free(
    folder, mlflow_uri, monkeypatch
):
    monkeypatch.setattr("tuner.tracking.address.LOCK_SECONDS", 0.1)
    notices = Notices()
    with closing(sqlite3.connect(mlflow_uri.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        tracker = opened(mlflow_uri, folder, notices)
        other.rollback()
    notices.wait_for("MLflow is back")
    tracker.sweep_finished({}, "text", [], "FINISHED")
    assert tracker.close() == ""
    assert_all_arrived(mlflow_uri, folder, range(1))


@pytest.mark.slow
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_database_server_that_comes_up_during_the_sweep_is_used(folder):
    engine, notices = PostgreSQL(), Notices()
    tracker = opened(engine.url().replace("postgresql:", "postgresql+psycopg:"), folder, notices)
    try:
        engine.start()
        notices.wait_for("MLflow is back")
        run_trial(tracker, folder, 1)
        tracker.sweep_finished({}, "text", [], "FINISHED")
        assert tracker.close() == ""
        assert_all_arrived(tracker._uri, folder, range(2))
    finally:
        engine.close()
