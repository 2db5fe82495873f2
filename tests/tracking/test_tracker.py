"""Content of MLflow after a sweep, in a real SQLite store."""

import base64
import json
import sqlite3
import subprocess
import time
import zlib
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.goals import goals
from tests.records import outcome, report, spec
from tests.tracking.runs import assert_whole, found, points, run_trial
from tuner.errors import InputError, TunerError
from tuner.processes.invocation import script
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Inputs, Tracker, View, origin
from tuner.tracking.messages import one_line
from tuner.tracking.runs import point_logged
from tuner.tracking.view import review
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialError, TrialState


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "outputs", "s")


@pytest.fixture
def tracker(mlflow_uri, folder):
    made = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
    made.open()
    yield made
    made.close()


def artifacts(uri, run):
    return {file.path for file in MlflowClient(uri).list_artifacts(run.info.run_id)}


def test_every_point_stands_there_once_and_nothing_is_left_on_disk(tracker, folder, mlflow_uri):
    tracker.sweep_started({"objective": "val_accuracy"}, {"sweep.yaml": "a: 1\n"})
    for number in range(3):
        run_trial(tracker, folder, number)
    tracker.sweep_finished({"best_objective": 0.7}, "text", [], "FINISHED")
    assert tracker.close() == ""
    for number, run in enumerate(found(mlflow_uri)):
        assert run.info.run_name == f"trial-{number:05d}"
        assert run.data.tags["attempt"] == "1"
        assert run.data.tags["split"] == "training.batch_size=16 training.accumulation_steps=1"
        assert artifacts(mlflow_uri, run) == {"config.yaml", "reports.jsonl"}
        assert_whole(mlflow_uri, folder, number, [run])
    (sweep,) = found(mlflow_uri, "sweep")
    assert sweep.info.status == "FINISHED"
    assert artifacts(mlflow_uri, sweep) == {"sweep.yaml", "reading.md"}
    assert not (folder.path / "spool").exists()


def test_what_gpus_did_stands_there_where_it_is_known():
    known = report(gpu_utilization=0.5, gpu_memory_bytes=7)
    metrics = point_logged("run", known, 0).metrics
    assert (metrics["gpu_utilization"], metrics["gpu_memory_bytes"]) == (0.5, 7.0)
    assert not any("gpu" in name for name in point_logged("run", report(), 0).metrics)


def test_a_trials_profile_keeps_its_folders(tracker, folder, mlflow_uri):
    trial = folder.trial(0)
    place = "profile/plugins/profile/2026/host.xplane.pb"
    (trial.path / place).parent.mkdir(parents=True)
    (trial.path / place).write_text("a trace")
    tracker.trial_started(spec(0), "trial", "a: 1\n")
    tracker.trial_finished(outcome(0), trial.artifacts, ())
    assert tracker.close() == ""
    (run,) = found(mlflow_uri)
    client = MlflowClient(mlflow_uri)
    assert Path(client.download_artifacts(run.info.run_id, place)).read_text() == "a trace"


def test_each_attempt_is_a_run_of_its_own_with_the_files_that_it_left(tracker, folder, mlflow_uri):
    trial = folder.trial(7)
    trial.begin("a: 1\n")
    tracker.trial_started(spec(7), "trial", "a: 1\n")
    tracker.reported(7, report(1))
    trial.log.write_text("first\n")
    error = TrialError(kind="crash", type="WorkerDied", message="killed", traceback="Boom")
    tracker.trial_finished(outcome(7, TrialState.RETRIED, None, error=error), [trial.log], ())
    trial.log.unlink()  # the next attempt begins before anything was sent, perhaps
    run_trial(tracker, folder, 7, attempt=2)
    assert tracker.close() == ""
    first, second = found(mlflow_uri)
    assert (first.info.run_name, second.info.run_name) == ("trial-00007", "trial-00007-2")
    assert (first.data.tags["trial_state"], first.info.status) == ("retried", "FAILED")
    assert second.data.tags["attempt"] == "2"
    assert {"worker.log", "error.txt"} <= artifacts(mlflow_uri, first)
    assert points(mlflow_uri, first) == [(200, 0.5)]
    assert_whole(mlflow_uri, folder, 7, [second])


def test_infinities_are_kept_as_nan(tracker, mlflow_uri):
    tracker.trial_started(spec(0), "trial", "a: 1\n")
    tracker.reported(0, report(val_loss=float("inf")))
    assert tracker.close() == ""
    (run,) = found(mlflow_uri)
    assert str(run.data.metrics["val_loss"]) == "nan"


def test_every_run_says_where_it_comes_from(folder, mlflow_uri, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    (tmp_path / "conf.yaml").write_text("a: 1\n")
    who = ("-c", "user.name=me", "-c", "user.email=me@here")
    for command in (["init"], ["add", "conf.yaml"], [*who, "commit", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True, capture_output=True)
    (tmp_path / "conf.yaml").write_text("a: 2\n")
    tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
    tracker.open(
        origin(["sweep", "sweep=mine", "storage.url=postgresql://me:pa55word@host/d"], tmp_path),
        lambda settings: Inputs(
            tags={"data_fingerprint": settings.data.train}, texts={"data_report.txt": "60 rows"}
        ),
    )
    tracker.sweep_started({"n_trials": "4"}, {})
    run_trial(tracker, folder, 0)
    assert tracker.close() == ""
    (sweep,), (trial,) = found(mlflow_uri, "sweep"), found(mlflow_uri)
    for tags in (sweep.data.tags, trial.data.tags):
        shown = "python -m tuner sweep sweep=mine 'storage.url=postgresql://me:***@host/d'"
        assert tags["mlflow.source.name"] == shown
        assert len(tags["mlflow.source.git.commit"]) == 40
        assert tags["mlflow.source.git.dirty"] == "true"
        assert "tensorflow 2." in tags["versions"]
        assert tags["study"] == "s"
    assert trial.data.tags["data_fingerprint"] == "train.csv"
    assert "data_report.txt" in artifacts(mlflow_uri, trial)


def test_a_folder_without_a_checkout_has_no_commit(tmp_path):
    assert "mlflow.source.git.commit" not in origin([], tmp_path)


def test_what_still_runs_at_the_end_is_interrupted_and_the_sweep_goes_on_in_its_run(
    tracker, folder, mlflow_uri
):
    tracker.sweep_started({"n_trials": "4"}, {})
    tracker.trial_started(spec(0), "trial", "a: 1\n")
    assert tracker.close() == ""
    (trial,), (sweep,) = found(mlflow_uri), found(mlflow_uri, "sweep")
    assert (trial.data.tags["trial_state"], trial.info.status) == ("interrupted", "KILLED")
    assert sweep.info.status == "KILLED"
    later = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
    later.open()
    later.sweep_started({"n_trials": "6"}, {})
    later.abandon([0])
    later.sweep_finished({}, "text", [], "FINISHED")
    assert later.close() == ""
    (again,) = found(mlflow_uri, "sweep")
    assert again.data.tags["n_trials"] == "6"
    assert (again.info.run_id, again.info.status) == (sweep.info.run_id, "FINISHED")


def test_trials_of_a_dead_agent_of_another_machine_are_ended_in_mlflow(
    tracker, folder, mlflow_uri
):
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("s").experiment_id
    for number in (3, 4):
        tags = {"role": "trial", "study": "s", "trial_number": str(number)}
        client.create_run(experiment, tags=tags)
    tracker.abandon([3])
    assert tracker.close() == ""
    status = {run.data.tags["trial_number"]: run.info.status for run in found(mlflow_uri)}
    assert status == {"3": "KILLED", "4": "RUNNING"}


def test_links_to_trials_lead_to_the_runs_of_their_last_attempts(tracker, folder, mlflow_uri):
    tracker.sweep_started({}, {})
    run_trial(tracker, folder, 3)
    run_trial(tracker, folder, 7)
    run_trial(tracker, folder, 7, attempt=2)
    text = "[3](trial:3), [7](trial:7), [9](trial:9)"
    tracker.sweep_finished({}, text, [], "FINISHED")
    assert tracker.close() == ""
    (sweep,) = found(mlflow_uri, "sweep")
    third, _, seventh = [run.info.run_id for run in found(mlflow_uri)]
    at = f"#/experiments/{sweep.info.experiment_id}/runs"
    shown = sweep.data.tags["mlflow.note.content"]
    page = "workflowType=machine_learning"
    assert shown == f"[3]({at}/{third}?{page}), [7]({at}/{seventh}?{page}), 9"


def test_the_page_opens_with_the_searched_keys_sorted_by_score(folder, mlflow_uri):
    tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
    tracker.open()
    assert "#/experiments" not in tracker.review
    tracker.show(View(goals=goals(("val_loss",)), keys=["optimizer"]))
    experiment = MlflowClient(mlflow_uri).get_experiment_by_name("s")
    page = f"http://127.0.0.1:5000/#/experiments/{experiment.experiment_id}/runs"
    assert f"{page}?viewStateShareKey=tuner" in tracker.review
    assert tracker.close() == ""
    experiment = MlflowClient(mlflow_uri).get_experiment_by_name("s")
    kept = experiment.tags["mlflow.sharedViewState.tuner"].removeprefix("deflate;")
    state = json.loads(zlib.decompress(base64.b64decode(kept)))
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`objective`", True)
    assert "params.`optimizer`" in state["selectedColumns"]
    charts = {chart["displayName"]: chart for chart in state["compareRunCharts"]}
    assert charts["parameters"]["selectedParams"] == ["optimizer"]
    assert list(charts).count("val_loss") == 1


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sqlite:///mlflow.db", "mlflow ui, then http://127.0.0.1:5000/#/"),
        ("sqlite:////x/y.db", "mlflow ui --backend-store-uri sqlite:////x/y.db, then http"),
        ("https://host/prefix/", "https://host/prefix/#/experiments/3/runs?viewStateShareKey="),
    ],
)
def test_the_way_to_the_page_is_said_for_each_kind_of_store(uri, shown):
    assert review(uri, "3").replace(script("mlflow"), "mlflow").startswith(shown)


def test_what_mlflow_refuses_is_told_and_kept_and_stops_nothing(tracker, folder, mlflow_uri):
    tracker.reported(9, report())  # a trial that never started
    run_trial(tracker, folder, 8)
    told = tracker.close()
    assert "MLflow refused" in told
    assert mlflow_uri in told
    assert_whole(mlflow_uri, folder, 8, found(mlflow_uri))
    (kept,) = (folder.path / "spool").iterdir()
    assert kept.suffix == ".refused"
    assert '"val_accuracy"' in kept.read_text()


def test_a_run_ends_though_its_files_can_not_be_taken(mlflow_uri, folder, tmp_path):
    (tmp_path / "file").touch()
    MlflowClient(mlflow_uri).create_experiment("s", artifact_location=f"{tmp_path}/file/below")
    tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
    tracker.open()
    run_trial(tracker, folder, 0)
    assert "MLflow refused" in tracker.close()
    assert_whole(mlflow_uri, folder, 0, found(mlflow_uri))


@pytest.mark.parametrize(
    "uri",
    [
        "nonsense://x", "http://", "http://host:port", "http://[::1", "sqlite://", "./mlruns",
        "file:///x", "postgresql+nodriver://u:secret@h/d", "http://a b", "mysql://", "://",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_wrong_input(uri, folder):
    tracker = Tracker(TrackingSettings(uri=uri), "s", folder)
    with pytest.raises(InputError, match=r"tracking\.uri") as caught:
        tracker.check()
    assert "secret" not in str(caught.value)
    assert tracker.close() == ""


def test_a_file_that_is_no_store_is_wrong_input(folder, tmp_path):
    (tmp_path / "text.db").write_text("no database, " * 100)
    for uri in (f"sqlite:///{tmp_path}/text.db", f"sqlite:///{tmp_path}", "sqlite:////proc/x/y"):
        tracker = Tracker(TrackingSettings(uri=uri), "s", folder)
        with pytest.raises(InputError, match="cannot be written"):
            tracker.open()
    assert not folder.path.exists()


def test_a_folder_that_can_not_be_written_is_wrong_input(mlflow_uri, tmp_path):
    (tmp_path / "outputs").touch()
    tracker = Tracker(
        TrackingSettings(uri=mlflow_uri), "s", StudyFolder(tmp_path / "outputs", "s")
    )
    with pytest.raises(InputError, match="output=FOLDER"):
        tracker.open()


def test_a_store_that_is_away_is_said_with_the_choice_and_without_the_password(folder):
    uri = "http://me:secret@127.0.0.1:9"
    tracker = Tracker(TrackingSettings(uri=uri), "s", folder)
    with pytest.raises(TunerError, match=r"tracking\.on_outage=spool") as caught:
        tracker.check()
    assert not isinstance(caught.value, InputError)
    assert "secret" not in str(caught.value)
    assert "secret" not in tracker.uri
    assert not folder.path.exists()


@contextmanager
def locked(uri):
    """Somebody else writes; reading goes on."""
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@pytest.mark.slow  # MLflow's own patience with the lock
def test_a_database_that_is_locked_is_waited_for_however_long(
    tracker, folder, mlflow_uri, monkeypatch
):
    monkeypatch.setattr("tuner.tracking.sender.TRIES", 1)
    tracker.abandon([])
    with locked(mlflow_uri):
        run_trial(tracker, folder, 0)
        until = time.monotonic() + 60.0
        while tracker._sender.failure is None:
            assert time.monotonic() < until
            time.sleep(0.05)
    assert tracker.close() == ""
    assert_whole(mlflow_uri, folder, 0, found(mlflow_uri))


def test_a_database_that_is_locked_at_the_start_is_said(folder, mlflow_uri, monkeypatch):
    monkeypatch.setattr("tuner.tracking.address.LOCK_SECONDS", 0.1)
    with locked(mlflow_uri):
        refused = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
        with pytest.raises(TunerError, match="locked by another program"):
            refused.open()


def test_errors_of_others_are_shown_without_logins(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken-of-mine")
    shown = one_line(OSError("401 for\nBearer t0ken-of-mine at http://me:pa55@host/x"))
    assert shown == "401 for Bearer *** at http://me:***@host/x"


def test_errors_of_databases_are_shown_without_their_sql():
    assert one_line(OSError("disk is full\n[SQL: INSERT INTO runs]")) == "disk is full"
