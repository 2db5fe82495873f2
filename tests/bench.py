"""A sweep with real processes, a real study and a real MLflow store; only training is a fake."""

import os
import signal
import sys
import threading
import time
from dataclasses import replace

import optuna
from mlflow import MlflowClient

from tests.goals import goals
from tests.records import settings
from tuner.devices.slots import Slot
from tuner.execution.interfaces import Plan, SweepHooks
from tuner.execution.loop import Sweep
from tuner.launchers.local import LocalLauncher
from tuner.search.space import Dimension, FloatInterval, SearchSpace
from tuner.settings.settings import ConvergenceSettings, TrackingSettings
from tuner.study import Definition, Study, sqlite_url
from tuner.tracking import Tracker
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome, TrialSpec

RATE = "optimizer.learning_rate"
SPACE = SearchSpace([Dimension(key=RATE, domain=FloatInterval(low=1e-6, high=1.0, log=True))])
FAKE = (sys.executable, "-m", "tests.worker.fake")
ASHA = {"name": "asha", "min_resource": 1, "reduction_factor": 2}
NONE = {"name": "none"}


class DivergenceDetector:
    """Writes down what it is shown."""

    def __init__(self):
        self.started, self.notices, self.scores = [], [], []

    def trial_started(self, slot: int, spec: TrialSpec) -> None:
        self.started.append((slot, spec.number, time.monotonic()))

    def progressed(self, slot: int, share: float, rate: float) -> None:
        assert 0 <= share <= 1
        assert rate > 0

    def reported(self, slot: int, value: float) -> None:
        self.scores.append((slot, value))

    def trial_finished(self, slot: int, outcome: TrialOutcome) -> None:
        pass

    def notice(self, text: str) -> None:
        self.notices.append(text)


PATIENT = ConvergenceSettings(not_learning_patience=None, converged_patience=None)
"""No trial is stopped for its own curve."""


class Bench:
    """One folder in which a sweep is run, perhaps several times."""

    def __init__(self, folder, mlflow_uri):
        self.folder = StudyFolder(folder, "s")
        self.uri = mlflow_uri
        self.watch = DivergenceDetector()
        self.finished = []

    def run(
        self,
        *,
        checkpoint="tiny",
        trials=4,
        slots=1,
        pruner=NONE,
        command=FAKE,
        rate=1e-4,
        convergence=PATIENT,
        evaluations=5,
        base=None,
        launcher=LocalLauncher,
        **plan,
    ):
        if base is None:
            base = settings(evaluations=evaluations)
            base = replace(base, model=replace(base.model, checkpoint=checkpoint))
        base = replace(base, convergence=convergence)
        study = Study(
            name="s",
            url=sqlite_url(self.folder.database),
            definition=Definition(space=SPACE, base=settings(), goals=goals(("val_accuracy",))),
            sampler={"name": "random", "seed": 6},
            pruner=pruner,
            defaults={RATE: rate},
        )
        launcher = launcher(
            [
                Slot(index=i, environment={"CUDA_VISIBLE_DEVICES": str(i)}, threads=1)
                for i in range(slots)
            ],
            command,
        )
        tracker = Tracker(TrackingSettings(uri=self.uri), "s", self.folder)
        tracker.open()
        tracker.sweep_started({}, {})
        tracker.abandon(study.requeue_orphans())
        self.sweep = Sweep(
            plan=Plan(
                goals=goals(("val_accuracy",)),
                compose=lambda p: replace(
                    base, optimizer=replace(base.optimizer, learning_rate=p[RATE])
                ),
                render=lambda s: "a: 1\n",
                n_trials=trials,
                hooks=SweepHooks(
                    on_finished=lambda spec, outcome: self.finished.append((spec, outcome))
                ),
                **plan,
            ),
            source=study,
            launcher=launcher,
            tracker=tracker,
            folder=self.folder,
            watcher=self.watch,
        )
        for slot in launcher.slots:
            launcher.start(slot)
        try:
            return self.sweep.run()
        finally:
            launcher.close(5.0)
            tracker.close()
            self.outcomes = study.outcomes()
            study.close()

    def optuna_trials(self):
        return optuna.load_study(study_name="s", storage=sqlite_url(self.folder.database)).trials

    def runs(self, role="trial"):
        client = MlflowClient(self.uri)
        experiment = client.get_experiment_by_name("s")
        found = client.search_runs([experiment.experiment_id], f"tags.role = '{role}'")
        return sorted(found, key=lambda run: run.data.tags.get("trial_number", ""))


def states(outcomes):
    return [outcome.state for outcome in outcomes]


def interrupt_when(condition, times=1):
    def wait():
        for _ in range(times):
            while not condition():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)

    threading.Thread(target=wait, daemon=True).start()
