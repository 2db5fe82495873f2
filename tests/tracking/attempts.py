"""Attempts at a trial as the loop runs them: the folder first, then MLflow."""

from tests.records import outcome, report, spec
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker
from tuner.trial.records import TrialState
from tuner.trial.study_identity import StudyIdentity

STUDY = StudyIdentity(name="s", id="a" * 32)


def opened(uri, folder, put_back=(), **settings):
    """An agent of this process whose sweep has begun."""
    tracker = Tracker(TrackingSettings(uri=uri, **settings), "s", folder)
    tracker.open(study=STUDY)
    tracker.sweep_started({}, {})
    tracker.abandon(put_back)
    return tracker


def begin(tracker, folder, number, attempt=1, **training):
    """Hands an attempt to a worker."""
    trial = folder.trial(number)
    trial.begin("a: 1\n")
    tracker.trial_started(spec(number, attempt=attempt, **training), "trial", "a: 1\n")


def train(tracker, folder, number, points, *, attempt=1, resumed_at=0, total=5, loss=1.0, **given):
    """Trains to a point, after the one that a state was saved at."""
    trial = folder.trial(number)
    kept = trial.keep(resumed_at)
    tracker.training_started(number, resumed_at=resumed_at, kept=kept)
    for point in range(resumed_at + 1, points + 1):
        made = report(point, total, val_loss=loss / point, grad_norm=0.1 * point, **given)
        trial.append(made)
        tracker.reported(number, made)


def end(tracker, folder, number, attempt, state=TrialState.COMPLETE, **given):
    """Ends an attempt."""
    trial = folder.trial(number)
    reports = trial.read_reports()
    last = reports[-1] if reports else None
    value = 0.7 if state is TrialState.COMPLETE else None
    ended = outcome(number, state, value, last=last, attempt=attempt, **given)
    trial.finish(ended)
    tracker.trial_finished(ended, [trial.reports], ("bad", "good"))
