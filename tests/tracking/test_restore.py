"""Trials whose runs MLflow lacks: sent again from their folders, or truly told as missing."""

import shutil

import pytest

from tests.records import outcome
from tests.tracking.runs import assert_whole, found, run_trial
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker
from tuner.tracking.restore import missing
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome, TrialState
from tuner.trial.serialization import from_json
from tuner.trial.study_identity import STUDY_ID, StudyIdentity

STUDY = StudyIdentity(name="s", id="a" * 32)


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "outputs", "s")


@pytest.fixture
def new_uri(tmp_path, empty_mlflow):
    """A store that has nothing, as after the former one was deleted."""
    shutil.copy(empty_mlflow, tmp_path / "new.db")
    return f"sqlite:///{tmp_path / 'new.db'}"


def swept(uri, folder, numbers=(), earlier=(), **settings):
    """One start of the sweep; returns what people were told."""
    notices = []
    tracker = Tracker(TrackingSettings(uri=uri, **settings), "s", folder, notice=notices.append)
    tracker.open(study=STUDY)
    tracker.sweep_started({}, {})
    tracker.restore_missing([told(folder, number) for number in earlier])
    tracker.abandon([])
    for number in numbers:
        run_trial(tracker, folder, number)
    tracker.sweep_finished({}, "text", [], "FINISHED")
    return notices, tracker.close()


def told(folder, number):
    """Outcome of a trial in the study."""
    return from_json(TrialOutcome, folder.trial(number).outcome.read_bytes())


def test_trials_that_a_new_store_lacks_are_sent_again_and_once(folder, mlflow_uri, new_uri):
    assert swept(mlflow_uri, folder, range(3)) == ([], "")
    for _ in range(2):
        notices, left = swept(new_uri, folder, (), range(3))
        assert left == ""
    assert notices == []
    runs = found(new_uri)
    assert len(runs) == 3
    for run in runs:
        number = int(run.data.tags["trial_number"])
        assert run.data.tags["restored"] == "yes"
        assert run.data.tags[STUDY_ID] == STUDY.id
        assert run.data.metrics["objective"] == 0.7
        assert_whole(new_uri, folder, number, [run])
    (before,) = [run for run in found(mlflow_uri) if run.data.tags["trial_number"] == "0"]
    (after,) = [run for run in runs if run.data.tags["trial_number"] == "0"]
    assert before.data.metrics == after.data.metrics
    assert before.info.run_name == after.info.run_name
    assert len(found(new_uri, "sweep")) == 1


def test_what_is_missing_is_told_with_what_is_sent(folder, mlflow_uri, new_uri):
    swept(mlflow_uri, folder, range(3))
    earlier = [told(folder, number) for number in range(3)]
    shutil.rmtree(folder.trial(1).path)
    notices = []
    tracker = Tracker(TrackingSettings(uri=new_uri), "s", folder, notice=notices.append)
    tracker.open(study=STUDY)
    tracker.sweep_started({}, {})
    tracker.restore_missing(earlier)
    tracker.abandon([])
    assert tracker.close() == ""
    sent, lost = notices
    assert "2 ended trials" in sent
    assert "(0, 2)" in sent
    assert "(1)" in lost
    assert len(found(new_uri)) == 2


def test_what_waits_in_a_spool_is_not_sent_twice(folder, mlflow_uri):
    swept(mlflow_uri, folder, range(2), send=False)
    notices, left = swept(mlflow_uri, folder, [2], range(2))
    assert (notices, left) == ([], "")
    assert len(found(mlflow_uri)) == 3
    assert not any("restored" in run.data.tags for run in found(mlflow_uri))


@pytest.mark.parametrize(
    ("known", "spooled", "lacking"),
    [
        ([], (), [0, 1]),
        ([{"trial_number": "0", "trial_state": "complete"}], (), [1]),
        ([{"trial_number": "0", "trial_state": "retried"}], (), [0, 1]),
        ([{"trial_number": "1"}], (), [0, 1]),
        ([], {1}, [0]),
    ],
)
def test_a_run_counts_that_ended_as_the_trial_did(known, spooled, lacking):
    outcomes = [outcome(0), outcome(1, TrialState.PRUNED)]
    assert [each.number for each in missing(outcomes, known, spooled)] == lacking
