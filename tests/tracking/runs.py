"""Runs in MLflow, read back and compared with the trials' folders."""

from collections import Counter

from mlflow import MlflowClient

from tests.records import outcome, report, spec
from tuner.trial.records import TrialState


def found(uri, role="trial", study="s"):
    """All runs of a role, by their time of start."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        return []
    runs = client.search_runs([experiment.experiment_id], f"tags.role = '{role}'")
    return sorted(runs, key=lambda run: run.info.start_time)


def points(uri, run, metric="val_loss"):
    """Step and value of every point of a metric, each as often as it stands there."""
    history = MlflowClient(uri).get_metric_history(run.info.run_id, metric)
    return sorted((point.step, point.value) for point in history)


def assert_whole(uri, folder, number, runs, metrics=("val_loss", "val_accuracy", "grad_norm")):
    """One run is complete with each point that the folder has, once; all others have ended."""
    (whole,) = [run for run in runs if run.data.tags.get("trial_state") == "complete"]
    assert whole.info.status == "FINISHED"
    reports = folder.trial(number).read_reports()
    for metric in metrics:
        wanted = sorted((each.examples_seen, each.value(metric)) for each in reports)
        assert points(uri, whole, metric) == wanted
    for run in runs:
        steps = Counter(step for step, _ in points(uri, run))
        assert set(steps.values()) <= {1}
        assert run.info.status != "RUNNING"
    return whole


def assert_all_arrived(uri, folder, trials):
    """Every trial is one run, whole, with its files; the sweep is one run that finished."""
    runs = sorted(found(uri), key=lambda run: run.info.run_name)
    assert Counter(run.info.run_name for run in runs) == {
        f"trial-{number:05d}": 1 for number in trials
    }
    for run, number in zip(runs, trials, strict=True):
        assert_whole(uri, folder, number, [run])
        assert run.data.params == {"a": "1", "effective_batch_size": "16"}
        listed = MlflowClient(uri).list_artifacts(run.info.run_id)
        assert {file.path for file in listed} == {"config.yaml", "reports.jsonl"}
    (sweep,) = found(uri, "sweep")
    assert sweep.info.status == "FINISHED"
    assert not (folder.path / "spool").exists()


def run_trial(tracker, folder, number, *, values=5, attempt=1, pause=lambda: None):
    """One trial as the loop runs it: the folder first, then MLflow."""
    trial = folder.trial(number)
    trial.begin("a: 1\n")
    tracker.trial_started(spec(number, attempt=attempt), "trial", "a: 1\n")
    trial.keep(0)
    last = None
    for point in range(1, values + 1):
        last = report(point, values, val_loss=1.0 / (point + number), grad_norm=0.1 * point)
        trial.append(last)
        pause()
        tracker.reported(number, last)
    ended = outcome(number, value=0.7, last=last, attempt=attempt)
    trial.finish(ended)
    pause()
    tracker.trial_finished(ended, [trial.reports], ("bad", "good"))


def retried(number):
    return outcome(number, TrialState.RETRIED, None)
