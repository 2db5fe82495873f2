"""What the MLflow adapter does when the store does not play along."""

import pytest

from tests.records import report, spec
from tuner.core.settings import TrackingSettings
from tuner.errors import TunerError
from tuner.tracking import Tracker


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "nonsense://x"])
def test_a_store_that_can_not_be_used_is_said_before_anything_starts(uri):
    tracker = Tracker(TrackingSettings(uri=uri), "s")
    with pytest.raises(TunerError, match=r"tracking\.uri"):
        tracker.open()
    assert tracker.close() == ""


def test_what_could_not_be_written_is_told_at_the_end_and_stops_nothing(mlflow_uri):
    tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s")
    tracker.open()
    tracker.reported(7, report())  # a trial that never started
    tracker.trial_started(spec(8), "trial", "a: 1\n")
    told = tracker.close()
    assert "MLflow did not take everything" in told
    assert mlflow_uri in told


def test_infinities_are_kept_as_nan(mlflow_uri):
    from mlflow import MlflowClient

    tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s")
    tracker.open()
    tracker.trial_started(spec(0), "trial", "a: 1\n")
    tracker.reported(0, report(val_loss=float("inf")))
    assert tracker.close() == ""
    client = MlflowClient(mlflow_uri)
    (run,) = client.search_runs([client.get_experiment_by_name("s").experiment_id])
    assert str(run.data.metrics["val_loss"]) == "nan"
