"""TensorBoard's event files, read with TensorFlow's own reader."""

import resource
import signal

import pytest

from tests.tracking.runs import run_trial
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker
from tuner.tracking.event_file import EventFile
from tuner.trial.folder import StudyFolder


@pytest.mark.tf
def test_tensorflow_reads_what_was_written_and_where_an_attempt_starts_again(tmp_path):
    import tensorflow as tf

    first, second = EventFile(tmp_path, 1000), EventFile(tmp_path, 2000)
    first.add(1500, 200, {"val_loss": 0.5, "val_accuracy": 0.75})
    first.add(1600, 400, {"val_loss": 0.25})
    second.add(2500, 100_000, {"val_loss": 0.125})
    version, start, *points = tf.compat.v1.train.summary_iterator(str(first.path))
    assert version.file_version == "brain.Event:2"
    assert start.session_log.status == start.session_log.START
    assert [(point.wall_time, point.step) for point in points] == [(1.5, 200), (1.6, 400)]
    values = [{value.tag: value.simple_value for value in point.summary.value} for point in points]
    assert values == [{"val_loss": 0.5, "val_accuracy": 0.75}, {"val_loss": 0.25}]
    _, again, point = tf.compat.v1.train.summary_iterator(str(second.path))
    assert again.step == point.step == 100_000


@pytest.mark.parametrize("wanted", [True, False])
def test_each_trial_has_event_files_where_they_are_wanted(tmp_path, mlflow_uri, wanted):
    folder = StudyFolder(tmp_path / "outputs", "s")
    tracker = Tracker(TrackingSettings(uri=mlflow_uri, tensorboard=wanted), "s", folder)
    tracker.open()
    run_trial(tracker, folder, 0)
    assert tracker.close() == ""
    written = list((folder.trial(0).path / "tensorboard").glob("events.out.tfevents.*"))
    assert len(written) == wanted


def test_a_record_that_the_disk_takes_half_of_leaves_nothing(tmp_path):
    written = EventFile(tmp_path, 1000)
    written.add(1500, 200, {"val_loss": 0.5})
    before = written.path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 7, limit[1]))
    try:
        with pytest.raises(OSError, match="space"):
            written.add(1600, 400, {"val_loss": 0.25})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert written.path.read_bytes() == before
