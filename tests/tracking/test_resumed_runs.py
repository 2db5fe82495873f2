"""Run that the attempts at a trial belong to, and its content."""

import os
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from tests.bench import Bench, interrupt_when
from tests.records import settings
from tests.tracking.attempts import STUDY, begin, end, opened, train
from tests.tracking.runs import assert_whole, found, points
from tests.tracking.server import Server
from tests.tracking.test_replay import of_another_machine, spool_of
from tuner.settings.settings import TrackingSettings
from tuner.tracking import replay
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialError, TrialState

CRASH = TrialError(kind="crash", type="WorkerDied", message="killed", traceback="Boom")
OUT_OF_MEMORY = TrialError(kind="out_of_memory", type="MemoryError", message="no memory left")


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "outputs", "s")


@pytest.fixture(params=["sqlite", "http"])
def uri(request, tmp_path):
    """A store of each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("mlflow_uri")
    else:
        server = Server(tmp_path, request.getfixturevalue("empty_mlflow"))
        server.start()
        yield server.uri
        server.kill()


def interrupted(tracker, folder, number=3, points=3, attempt=1, **given):
    """An attempt that is stopped, and whose agent ends."""
    begin(tracker, folder, number, attempt)
    train(tracker, folder, number, points, **given)
    end(tracker, folder, number, attempt, TrialState.INTERRUPTED)
    assert tracker.close() == "" or not tracker.sends


def assert_one(uri, folder, number=3, attempt=2):
    """One run, whole, that says nothing of its interruption."""
    (run,) = found(uri)
    assert_whole(uri, folder, number, [run])
    assert run.info.run_name == f"trial-{number:05d}"
    assert run.data.tags["attempt"] == str(attempt)
    assert run.data.metrics["objective"] == 0.7
    assert "stopped_by" not in run.data.tags
    assert "error" not in run.data.tags
    assert run.info.start_time < run.info.end_time
    return run


def test_a_resumed_trial_continues_its_run_and_has_each_point_once(uri, folder):
    tracker = opened(uri, folder)
    begin(tracker, folder, 3)
    train(tracker, folder, 3, 3)
    end(tracker, folder, 3, 1, TrialState.RETRIED, error=CRASH)
    begin(tracker, folder, 3, 2)
    # The state was saved at the second point: the third one is measured again.
    train(tracker, folder, 3, 4, attempt=2, resumed_at=2)
    assert tracker.close() == ""
    (run,) = found(uri)
    assert (run.info.status, run.data.tags["trial_state"]) == ("KILLED", "interrupted")
    first_end = run.info.end_time
    tracker = opened(uri, folder)
    begin(tracker, folder, 3, 3)
    train(tracker, folder, 3, 5, attempt=3, resumed_at=4)
    end(tracker, folder, 3, 3)
    assert tracker.close() == ""
    assert assert_one(uri, folder, attempt=3).info.end_time >= first_end


def test_a_resumed_run_is_running_until_it_ends(mlflow_uri, folder):
    interrupted(opened(mlflow_uri, folder), folder)
    tracker = opened(mlflow_uri, folder)
    begin(tracker, folder, 3, 2)
    train(tracker, folder, 3, 4, attempt=2, resumed_at=3)
    tracker._sender.wake()
    for _ in range(200):
        (run,) = found(mlflow_uri)
        if run.data.tags["attempt"] == "2" and len(points(mlflow_uri, run)) == 4:
            break
        tracker._sender._thread.join(0.05)
    assert run.info.status == "RUNNING"
    assert "trial_state" not in run.data.tags
    assert tracker.run_id(3) == run.info.run_id
    train(tracker, folder, 3, 5, attempt=2, resumed_at=4)
    end(tracker, folder, 3, 2)
    assert tracker.close() == ""
    assert_one(mlflow_uri, folder)


def test_a_trial_that_starts_from_zero_has_a_new_run_and_the_old_one_is_retried(uri, folder):
    interrupted(opened(uri, folder), folder)
    tracker = opened(uri, folder)
    begin(tracker, folder, 3, 2)
    train(tracker, folder, 3, 5, attempt=2)
    end(tracker, folder, 3, 2)
    assert tracker.close() == ""
    old, new = found(uri)
    assert (old.data.tags["trial_state"], old.info.status) == ("retried", "KILLED")
    assert new.info.run_name == "trial-00003-2"
    assert_whole(uri, folder, 3, [old, new])


def test_with_a_smaller_batch_a_new_run_has_the_whole_curve(mlflow_uri, folder):
    tracker = opened(mlflow_uri, folder)
    begin(tracker, folder, 3)
    train(tracker, folder, 3, 3)
    end(tracker, folder, 3, 1, TrialState.RETRIED, error=OUT_OF_MEMORY)
    begin(tracker, folder, 3, 2, batch_size=8, accumulation_steps=2)
    train(tracker, folder, 3, 5, attempt=2, resumed_at=2)
    end(tracker, folder, 3, 2)
    assert tracker.close() == ""
    runs = found(mlflow_uri)
    old, new = sorted(runs, key=lambda run: run.data.tags["attempt"])
    assert old.data.tags["trial_state"] == "retried"
    assert assert_whole(mlflow_uri, folder, 3, [old, new]) is new


def test_a_state_from_before_the_first_point_continues_the_run(mlflow_uri, folder):
    interrupted(opened(mlflow_uri, folder), folder, points=0)
    folder.trial(3).state.write_text("a state")
    tracker = opened(mlflow_uri, folder)
    begin(tracker, folder, 3, 2)
    train(tracker, folder, 3, 5, attempt=2)
    end(tracker, folder, 3, 2)
    assert tracker.close() == ""
    assert_one(mlflow_uri, folder)


def test_an_attempt_that_ends_before_training_leaves_the_curve_in_one_run(mlflow_uri, folder):
    interrupted(opened(mlflow_uri, folder), folder)
    tracker = opened(mlflow_uri, folder)
    begin(tracker, folder, 3, 2)
    end(tracker, folder, 3, 2, TrialState.RETRIED, error=CRASH)
    begin(tracker, folder, 3, 3)
    train(tracker, folder, 3, 5, attempt=3, resumed_at=3)
    end(tracker, folder, 3, 3)
    assert tracker.close() == ""
    assert_one(mlflow_uri, folder, attempt=3)


def test_points_that_share_a_step_are_all_kept(mlflow_uri, folder):
    interrupted(opened(mlflow_uri, folder), folder, examples_seen=200)
    tracker = opened(mlflow_uri, folder)
    begin(tracker, folder, 3, 2)
    train(tracker, folder, 3, 5, attempt=2, resumed_at=2, examples_seen=200)
    end(tracker, folder, 3, 2)
    assert tracker.close() == ""
    (run,) = found(mlflow_uri)
    assert points(mlflow_uri, run) == sorted((200, 1.0 / point) for point in range(1, 6))


@pytest.mark.parametrize("resumed_at", [0, 2])
def test_a_late_spool_of_the_agent_before_changes_nothing_that_came_after(
    mlflow_uri, folder, resumed_at
):
    interrupted(opened(mlflow_uri, folder, send=False), folder, loss=2.0)
    late = of_another_machine(spool_of(folder))
    os.utime(late)  # Its agent is alive: nobody takes what it has not sent.
    tracker = opened(mlflow_uri, folder)
    begin(tracker, folder, 3, 2)
    train(tracker, folder, 3, 5, attempt=2, resumed_at=resumed_at)
    end(tracker, folder, 3, 2)
    assert tracker.close() == ""
    before = found(mlflow_uri)
    os.utime(late, (0, 0))
    (said,) = replay(STUDY, folder, TrackingSettings(uri=mlflow_uri))
    assert "1 more" in said
    if resumed_at:
        (run,) = found(mlflow_uri)
        assert run.to_dictionary() == before[0].to_dictionary()
        assert_one(mlflow_uri, folder)
        return
    runs = found(mlflow_uri)
    assert sorted(run.data.tags["trial_state"] for run in runs) == ["complete", "retried"]
    assert_whole(mlflow_uri, folder, 3, runs)


def test_a_run_that_the_store_lost_is_made_again_with_its_whole_curve(
    mlflow_uri, empty_mlflow, tmp_path, folder
):
    interrupted(opened(mlflow_uri, folder), folder)
    new = tmp_path / "new.db"
    new.write_bytes(empty_mlflow.read_bytes())
    tracker = opened(f"sqlite:///{new}", folder)
    begin(tracker, folder, 3, 2)
    train(tracker, folder, 3, 5, attempt=2, resumed_at=3)
    end(tracker, folder, 3, 2)
    assert tracker.close() == ""
    run = assert_one(f"sqlite:///{new}", folder)
    history = MlflowClient(f"sqlite:///{new}").get_metric_history(run.info.run_id, "val_loss")
    times = [point.timestamp for point in sorted(history, key=lambda point: point.step)]
    assert times == sorted(times)
    assert run.info.start_time <= times[0]


def test_a_run_of_a_version_without_records_is_continued(mlflow_uri, folder):
    interrupted(opened(mlflow_uri, folder), folder)
    folder.trial(3).run.unlink()
    for attempt, reached in ((2, 4), (3, 5)):
        tracker = opened(mlflow_uri, folder)
        begin(tracker, folder, 3, attempt)
        train(tracker, folder, 3, reached, attempt=attempt, resumed_at=reached - 1)
        if attempt == 3:
            end(tracker, folder, 3, 3)
        assert tracker.close() == ""
    assert_one(mlflow_uri, folder, attempt=3)


def test_a_killed_agents_run_is_continued_by_the_next(mlflow_uri, folder):
    tracker = opened(mlflow_uri, folder)
    begin(tracker, folder, 3)
    train(tracker, folder, 3, 3)
    tracker._sender.close()  # All is sent, and nothing ends it.
    path = tracker._spool.path
    assert not path.exists()
    (run,) = found(mlflow_uri)
    assert run.info.status == "RUNNING"
    tracker = opened(mlflow_uri, folder, put_back=[3])
    begin(tracker, folder, 3, 2)
    train(tracker, folder, 3, 5, attempt=2, resumed_at=2)
    end(tracker, folder, 3, 2)
    assert tracker.close() == ""
    assert_one(mlflow_uri, folder)


def test_a_sweep_goes_on_in_the_runs_of_interrupted_and_crashed_trials(tmp_path, mlflow_uri):
    bench = Bench(tmp_path / "outputs", mlflow_uri)
    marker = tmp_path / "crashed"
    base = settings(evaluations=8, save_state="always")
    base = replace(base, model=replace(base.model, checkpoint=f"crash:{marker}"))
    bench.run(trials=1, base=base)
    (run,) = bench.runs()
    assert run.data.tags["attempt"] == "2"
    assert_whole(mlflow_uri, bench.folder, 0, [run])
    slow = replace(base, model=replace(base.model, checkpoint="slow:0.2"))
    reports = bench.folder.trial(1).reports
    interrupt_when(lambda: reports.exists() and reports.read_text().count("\n") > 2)
    bench.run(trials=2, base=slow)
    before = bench.runs()[1]
    assert before.data.tags["trial_state"] == "interrupted"
    bench.run(trials=2, base=slow)
    _, run = bench.runs()
    assert run.info.run_id == before.info.run_id
    assert_whole(mlflow_uri, bench.folder, 1, [run])
    outcome = bench.outcomes[1]
    assert outcome.provenance.mlflow_run == run.info.run_id
