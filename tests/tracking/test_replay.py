"""Spools of agents that could not reach MLflow, sent by one process later."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow import MlflowClient

from tests.records import spec
from tests.tracking.runs import assert_all_arrived, found, run_trial
from tests.tracking.server import Server
from tuner.errors import InputError
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker, replay
from tuner.tracking.spool import GONE_SECONDS, Spool
from tuner.trial.folder import StudyFolder
from tuner.trial.study_identity import StudyIdentity

STUDY = StudyIdentity(name="s")
OFFLINE = TrackingSettings(send=False)


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "outputs", "s")


def agent(*arguments, **variables):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.tracking.agent", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )


def opened(folder, settings=OFFLINE, notice=lambda text: None):
    """An agent of this process whose sweep has begun."""
    tracker = Tracker(settings, "s", folder, notice=notice)
    tracker.open()
    tracker.sweep_started({}, {})
    tracker.abandon([])
    return tracker


def ended_offline(folder, number=0):
    """The spool of an agent that ran one trial and ended."""
    tracker = opened(folder)
    run_trial(tracker, folder, number)
    tracker.sweep_finished({}, "text", [], "FINISHED")
    assert "tuner report study=s tracking.uri=URI" in tracker.close()
    return spool_of(folder)


def spool_of(folder):
    (path,) = (folder.path / "spool").glob("*.jsonl")
    return path


def of_another_machine(path):
    """The spool as a machine that shares the folder would have written it."""
    path.with_suffix(".lock").unlink(missing_ok=True)
    there = "-".join([*path.stem.split("-")[:2], "elsewhere"])
    for beside in path.parent.glob(f"{path.stem}.*"):
        moved = beside.rename(beside.with_name(there + beside.suffix))
    return moved.with_suffix(".jsonl")


def sent(folder, uri):
    return list(replay(STUDY, folder, TrackingSettings(uri=uri)))


def test_what_two_agents_wrote_offline_is_sent_once_and_that_of_a_third_stays_its_own(
    folder, mlflow_uri
):
    output = folder.path.parent
    agents = [agent("offline", output, first, 2) for first in (0, 2)]
    for each in agents:
        assert "records for MLflow wait" in each.communicate()[0].splitlines()[-1]
    third = opened(folder)
    assert list(replay(STUDY, folder, OFFLINE)) == []
    said, left = sent(folder, mlflow_uri)
    assert "the runs of 2 more agents" in said
    assert "1 spools" in left
    assert {run.data.tags["trial_number"] for run in found(mlflow_uri)} == {"0", "1", "2", "3"}
    assert [spool_of(folder)] == [third._spool.path]
    run_trial(third, folder, 4)
    third.sweep_finished({}, "text", [], "FINISHED")
    third.close()
    assert len(sent(folder, mlflow_uri)) == 1
    assert_all_arrived(mlflow_uri, folder, range(5))
    before = [run.to_dictionary() for run in found(mlflow_uri)]
    assert sent(folder, mlflow_uri) == []
    assert [run.to_dictionary() for run in found(mlflow_uri)] == before


def test_the_next_agent_that_can_sends_what_was_written_offline(folder, mlflow_uri):
    of_another_machine(ended_offline(folder))
    tracker = opened(folder, TrackingSettings(uri=mlflow_uri))
    tracker.sweep_finished({}, "text", [], "FINISHED")
    assert tracker.close() == ""
    assert_all_arrived(mlflow_uri, folder, range(1))


def test_a_spool_goes_where_its_agent_would_have_sent_it_unless_another_store_is_named(
    folder, mlflow_uri
):
    away = TrackingSettings(uri="http://127.0.0.1:9", send=False)
    tracker = opened(folder, away)
    run_trial(tracker, folder, 0)
    tracker.sweep_finished({}, "text", [], "FINISHED")
    assert "tracking.uri=http://127.0.0.1:9" in tracker.close()
    (said,) = replay(STUDY, folder, TrackingSettings())
    assert "MLflow is unavailable (http://127.0.0.1:9)" in said
    assert "the runs of 1 more" in sent(folder, mlflow_uri)[0]
    assert_all_arrived(mlflow_uri, folder, range(1))


@pytest.mark.parametrize(("share", "taken"), [(0.5, False), (1.1, True)])
def test_an_agent_of_another_machine_is_gone_once_it_was_silent_for_long(
    folder, mlflow_uri, share, taken
):
    tracker = opened(folder)
    tracker.trial_started(spec(0), "trial", "a: 1\n")
    spool = of_another_machine(tracker._spool.path)
    since = time.time() - share * GONE_SECONDS
    os.utime(spool, (since, since))
    sent(folder, mlflow_uri)
    runs = found(mlflow_uri)
    assert [run.data.tags["trial_state"] for run in runs] == ["interrupted"] * taken
    assert spool.exists() is not taken


def test_of_two_machines_whose_locks_do_not_meet_one_takes_a_spool(folder, tmp_path, monkeypatch):
    path = of_another_machine(ended_offline(folder))
    first, second, third = Spool(path), Spool(path), Spool(path)
    assert first.take()
    monkeypatch.setattr("tuner.tracking.spool.host_name", lambda: "third")
    for late in (second, third, Spool(spool_of(folder))):
        late._lock = FileLock(tmp_path / "lock of its own")
        assert not late.take()
    first.release()
    assert Spool(spool_of(folder)).take()


def test_mlflows_file_on_a_network_file_system_is_refused_or_written_by_one_process_later(
    folder, mlflow_uri, monkeypatch
):
    monkeypatch.setattr("tuner.tracking.address.file_system_of", lambda path: "nfs4")
    with pytest.raises(InputError, match="nfs4") as refused:
        opened(folder, TrackingSettings(uri=mlflow_uri))
    assert "tracking=offline" in refused.value.remedy
    told = []
    tracker = opened(folder, TrackingSettings(uri=mlflow_uri, on_outage="spool"), told.append)
    assert "nfs4" in told[0]
    run_trial(tracker, folder, 0)
    tracker.sweep_finished({}, "text", [], "FINISHED")
    assert "records for MLflow wait" in tracker.close()
    assert found(mlflow_uri) == []
    sent(folder, mlflow_uri)
    assert_all_arrived(mlflow_uri, folder, range(1))


@pytest.mark.parametrize("is_older", [True, False])
def test_of_two_runs_of_one_sweep_the_older_one_stays(folder, mlflow_uri, is_older):
    tracker = opened(folder, TrackingSettings(uri=mlflow_uri))
    run_trial(tracker, folder, 0)
    until = time.monotonic() + 60.0
    while not found(mlflow_uri):
        assert time.monotonic() < until
        time.sleep(0.05)
    (own,) = found(mlflow_uri, "sweep")
    start = own.info.start_time + (-1 if is_older else 1)
    rival = MlflowClient(mlflow_uri).create_run(
        own.info.experiment_id, start_time=start, tags={"role": "sweep", "study": "s"}
    )
    tracker.sweep_finished({"best_objective": 0.7}, "text", [], "FINISHED")
    assert tracker.close() == ""
    status = {run.info.run_id: run.info.status for run in found(mlflow_uri, "sweep")}
    if is_older:
        assert status == {rival.info.run_id: "FINISHED"}
    else:  # Its own agent takes it away.
        assert status == {own.info.run_id: "FINISHED", rival.info.run_id: "RUNNING"}


@pytest.mark.slow
def test_machines_that_start_a_sweep_at_the_same_moment_make_one(tmp_path, empty_mlflow):
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server", empty_mlflow)
    server.start()
    try:
        outputs = [tmp_path / f"machine {number}" for number in range(4)]
        agents = []
        for number, output in enumerate(outputs):
            output.mkdir()
            (output / "ready").touch()
            # Else the lock of this machine would keep them in turn.
            agents.append(agent(server.uri, output, 2 * number, 2, TMPDIR=str(output)))
        for each in agents:
            assert each.stdout.readline() == "open\n"
        for output in outputs:
            (output / "go").touch()
        for each in agents:
            assert each.communicate()[0].splitlines()[-1] == "''"
        (sweep,) = found(server.uri, "sweep")
        assert sweep.info.status == "FINISHED"
        assert len(found(server.uri)) == 8
        assert len(MlflowClient(server.uri).search_experiments(filter_string="name = 's'")) == 1
    finally:
        server.kill()
