"""Studies of one name in one experiment of MLflow: each has its own runs."""

import json
import time

import pytest
from mlflow import MlflowClient

from tests.goals import goals
from tests.records import spec
from tests.tracking.runs import assert_whole, found, run_trial
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker, View, replay
from tuner.tracking.spool import SPOOL, Spool
from tuner.trial.folder import StudyFolder
from tuner.trial.study_identity import STUDY_ID, StudyIdentity

FIRST, SECOND = (StudyIdentity(name="s", id=letter * 32) for letter in "ab")
OLDER = StudyIdentity(name="s", id="c" * 32, has_unmarked_runs=True)


@pytest.fixture
def start(tmp_path, mlflow_uri):
    """Starts an agent of a study, with its own folder."""
    opened = []

    def start_(study, notices=None, **settings):
        folder = StudyFolder(tmp_path / str(study.id), "s")
        told = (lambda text: None) if notices is None else notices.append
        tracker = Tracker(TrackingSettings(uri=mlflow_uri, **settings), "s", folder, notice=told)
        tracker.open(study=study)
        tracker.sweep_started({"host": study.id[:1]}, {})
        opened.append(tracker)
        return tracker, folder

    yield start_
    for tracker in opened:
        tracker.close()


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def of(study, runs):
    return [run for run in runs if run.data.tags.get(STUDY_ID) == study.id]


def test_two_studies_of_one_name_have_their_own_sweeps_and_trials(start, mlflow_uri):
    notices, agents = [], {}
    for study in (FIRST, SECOND):
        tracker, folder = agents[study] = start(study, notices)
        tracker.abandon([])
        run_trial(tracker, folder, 0)
        until(lambda own=study: of(own, found(mlflow_uri, "sweep")))
    for tracker, _ in agents.values():
        tracker.mark_front([0])
        tracker.sweep_finished({}, "best: [0](trial:0)", [], "FINISHED")
        assert tracker.close() == ""
    sweeps, trials = found(mlflow_uri, "sweep"), found(mlflow_uri)
    assert len(sweeps) == len(trials) == 2
    for study, (_, folder) in agents.items():
        (sweep,), (trial,) = of(study, sweeps), of(study, trials)
        assert sweep.info.status == "FINISHED"
        assert sweep.data.tags["host"] == study.id[:1]
        assert trial.info.run_id in sweep.data.tags["mlflow.note.content"]
        assert trial.data.tags["front"] == "yes"
        assert_whole(mlflow_uri, folder, 0, [trial])
    (told,) = notices
    assert "experiment 's'" in told
    assert SECOND.id in told


def test_a_restart_of_one_study_leaves_the_running_trial_of_the_other(start, mlflow_uri):
    running, _ = start(FIRST)
    running.abandon([])
    running.trial_started(spec(0), "trial", "a: 1\n")
    until(lambda: found(mlflow_uri))
    restarted, _ = start(SECOND)
    restarted.abandon([0])
    restarted.sweep_finished({}, "", [], "FINISHED")
    assert restarted.close() == ""
    (run,) = found(mlflow_uri)
    assert run.info.status == "RUNNING"
    assert [run.info.status for run in of(FIRST, found(mlflow_uri, "sweep"))] == ["RUNNING"]


def test_a_restart_continues_the_sweep_of_its_own_study(start, mlflow_uri):
    for study in (FIRST, SECOND, SECOND, FIRST):
        tracker, folder = start(study)
        tracker.abandon([])
        assert tracker.close() == ""
        assert not (folder.path / SPOOL).exists()
    runs = found(mlflow_uri, "sweep")
    assert sorted(run.data.tags[STUDY_ID] for run in runs) == [FIRST.id, SECOND.id]


def test_agents_that_join_a_study_announce_nothing(start):
    notices = []
    start(FIRST, notices)
    start(FIRST, notices)
    assert notices == []


def test_each_study_has_its_own_view_of_its_own_runs(start, mlflow_uri):
    given = goals(["val_accuracy"])
    for study in (FIRST, SECOND):
        tracker, _ = start(study)
        view = View(goals=given, keys=["optimizer"], study=study)
        assert view._state()["searchFilter"] == f"tags.study_id = '{study.id}'"
        tracker.show(view)
        assert f"viewStateShareKey=tuner-{study.id[:8]}&" in tracker.review
        assert tracker.close() == ""
    tags = MlflowClient(mlflow_uri).get_experiment_by_name("s").tags
    for study in (FIRST, SECOND):
        assert f"mlflow.sharedViewState.tuner-{study.id[:8]}" in tags
        assert tags["mlflow.note.content"].count(f"tuner-{study.id[:8]}") == 2


# -- studies of versions without ids ----------------------------------------------------------


def by_older_version(uri, name="s", number=0, attempt=1, status="FINISHED", state="complete"):
    """Run of a trial as a version without ids left it."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(name)
    place = experiment.experiment_id if experiment else client.create_experiment(name)
    tags = {"study": name, "role": "trial", "trial_number": str(number), "attempt": str(attempt)}
    run = client.create_run(place, tags=tags | ({"trial_state": state} if state else {}))
    if status != "RUNNING":
        client.set_terminated(run.info.run_id, status)
    return run.info.run_id


def older_sweep(uri):
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("s").experiment_id
    return client.create_run(experiment, tags={"study": "s", "role": "sweep"}).info.run_id


def test_a_study_of_a_version_without_ids_goes_on_in_its_runs(start, mlflow_uri):
    trial = by_older_version(mlflow_uri)
    lost = by_older_version(mlflow_uri, number=1, status="RUNNING", state="")
    sweep = older_sweep(mlflow_uri)
    notices = []
    for _ in range(2):
        tracker, _ = start(OLDER, notices)
        tracker.abandon([1])
        tracker.sweep_finished({}, "best: [0](trial:0)", [], "FINISHED")
        assert tracker.close() == ""
    (run,) = found(mlflow_uri, "sweep")
    assert (run.info.run_id, run.info.status) == (sweep, "FINISHED")
    assert run.data.tags[STUDY_ID] == OLDER.id
    assert trial in run.data.tags["mlflow.note.content"]
    assert MlflowClient(mlflow_uri).get_run(lost).info.status == "KILLED"
    assert notices == []


def test_a_new_study_leaves_the_runs_of_a_version_without_ids_alone(start, mlflow_uri):
    running = by_older_version(mlflow_uri, status="RUNNING", state="")
    sweep, notices = older_sweep(mlflow_uri), []
    tracker, _ = start(FIRST, notices)
    tracker.abandon([0])
    assert tracker.close() == ""
    assert MlflowClient(mlflow_uri).get_run(running).info.status == "RUNNING"
    assert {run.info.run_id for run in found(mlflow_uri, "sweep")} > {sweep}
    assert len(notices) == 1


def test_of_two_older_studies_in_one_experiment_no_run_is_taken_for_the_others(start, mlflow_uri):
    runs = [by_older_version(mlflow_uri, status="RUNNING", state="") for _ in range(2)]
    older_sweep(mlflow_uri)
    tracker, _ = start(OLDER)
    tracker.abandon([0])
    assert tracker.close() == ""
    client = MlflowClient(mlflow_uri)
    assert [client.get_run(run).info.status for run in runs] == ["RUNNING"] * 2


def test_a_spool_of_a_version_without_ids_is_sent_to_its_own_runs(start, tmp_path, mlflow_uri):
    folder = StudyFolder(tmp_path / "older", "s")
    offline = Tracker(TrackingSettings(send=False), "s", folder)
    offline.open()
    offline.sweep_started({}, {})
    run_trial(offline, folder, 0)
    offline.close()
    (path,) = (folder.path / SPOOL).glob("*.jsonl")
    first, *others = path.read_bytes().splitlines(keepends=True)
    opened = {key: value for key, value in json.loads(first).items() if key != "study_id"}
    path.write_bytes(json.dumps(opened).encode() + b"\n" + b"".join(others))
    foreign, _ = start(FIRST)
    assert foreign.close() == ""
    list(replay(OLDER, folder, TrackingSettings(uri=mlflow_uri)))
    assert Spool(path).left("") == 0
    sweeps = found(mlflow_uri, "sweep")
    assert len(sweeps) == 2
    assert len(of(FIRST, sweeps)) == 1
    assert_whole(mlflow_uri, folder, 0, found(mlflow_uri))
