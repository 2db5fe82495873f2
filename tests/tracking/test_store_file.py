"""MLflow's SQLite file: whole or not there, whenever the process that makes it is killed."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.killed import AT_STATEMENT, ROOT, killed
from tests.tracking.runs import assert_all_arrived, found, run_trial
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker, store_file
from tuner.tracking.store_file import FileState, file_state, prepare
from tuner.trial.folder import StudyFolder

BY_MLFLOW = AT_STATEMENT + "from mlflow import MlflowClient; MlflowClient(sys.argv[2])"
"""As MLflow makes a store, and versions of ours without names beside did."""

BY_US = """
from pathlib import Path
from tuner.tracking.store_file import prepare
prepare(Path(sys.argv[2].removeprefix("sqlite:///")))
"""


def used(path):
    """Tracks a trial in the store; returns what people were told."""
    folder, notices = StudyFolder(path.parent / "outputs", "s"), []
    settings = TrackingSettings(uri=f"sqlite:///{path}")
    tracker = Tracker(settings, "s", folder, notice=notices.append)
    tracker.open()
    tracker.sweep_started({}, {})
    run_trial(tracker, folder, 0)
    tracker.sweep_finished({}, "text", [], "FINISHED")
    assert tracker.close() == ""
    assert_all_arrived(settings.uri, folder, range(1))
    return notices


@pytest.mark.parametrize(
    "statement", [0, 60, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 420, 23))]
)
def test_who_is_killed_while_making_a_store_leaves_none_or_a_whole_one(tmp_path, statement):
    path = tmp_path / "mlflow.db"
    killed(AT_STATEMENT + BY_US, statement, f"sqlite:///{path}")
    assert not path.exists() or file_state(path, store_file._head) is FileState.COMPLETE
    assert used(path) == []
    assert not list(tmp_path.glob(".mlflow.db*"))


@pytest.mark.parametrize(
    "statement", [40, 300, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 420, 23))]
)
def test_a_store_that_was_left_half_made_is_made_anew(tmp_path, monkeypatch, statement):
    monkeypatch.setattr("tuner.tracking.store_file.UNCHANGED_SECONDS", 0.0)
    path = tmp_path / "mlflow.db"
    assert killed(BY_MLFLOW, statement, f"sqlite:///{path}")
    state = file_state(path, store_file._head) if path.exists() else FileState.EMPTY
    assert len(used(path)) == (state is FileState.INCOMPLETE)
    assert len(list(tmp_path.glob("mlflow.db.half-made-*[0-9]"))) == (
        state is FileState.INCOMPLETE
    )


def test_a_store_that_is_whole_stays_as_it_is(mlflow_uri):
    path = Path(mlflow_uri.removeprefix("sqlite:///"))
    before = path.read_bytes()
    assert prepare(path) is None
    assert path.read_bytes() == before


def test_a_store_with_anything_in_it_is_never_put_aside(mlflow_uri):
    path = Path(mlflow_uri.removeprefix("sqlite:///"))
    MlflowClient(mlflow_uri).create_registered_model("mine")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'older'")
    assert file_state(path, store_file._head) is FileState.COMPLETE


def test_another_programs_database_is_none_of_ours(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE studies (id INTEGER)")
    assert file_state(path, store_file._head) is FileState.COMPLETE


def test_an_empty_file_becomes_a_store(tmp_path):
    path = tmp_path / "mlflow.db"
    path.touch()
    assert prepare(path) is None
    assert MlflowClient(f"sqlite:///{path}").search_experiments()


def test_of_several_processes_that_make_a_store_each_finds_it_whole(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    words = [sys.executable, "-m", "tests.tracking.agent", uri]
    agents = [
        subprocess.Popen(
            [*words, str(tmp_path / str(number)), str(number), "1"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            # Else the lock of this machine would keep them in turn.
            env={**os.environ, "TMPDIR": str(tmp_path / f"lock {number}")},
        )
        for number in range(3)
        if not (tmp_path / f"lock {number}").mkdir()
    ]
    assert [agent.communicate()[0].splitlines()[-1] for agent in agents] == ["''"] * 3
    assert len(found(uri)) == 3
