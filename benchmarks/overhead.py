"""Overhead of the loop over Optuna: a null objective with ten reports, ours against `Study.ask`.

    python benchmarks/overhead.py [--trials 200] [--rounds 3]

Both run on a SQLite study of their own, in turns, with the random sampler and no pruner. Optuna's
side asks, suggests, reports ten points and tells; ours is the whole of it: study with its ledger,
spool, trial folders, diagnosis and protocol, with a worker that answers at once. Printed are the
milliseconds of each a trial, what ours adds, and that as a share of a trial of a minute. With
`--trials 2000 --rounds 1` the last lines say whether a trial costs more the more came before it.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import optuna

from tuner.devices.slots import Slot
from tuner.execution.interfaces import Plan
from tuner.execution.loop import Sweep
from tuner.launchers.local import LocalLauncher
from tuner.optimizers import AdamW
from tuner.schedules import Constant
from tuner.search.goals import goals
from tuner.search.space import Dimension, FloatInterval, SearchSpace
from tuner.settings.objectives import measured_scores
from tuner.settings.settings import (
    ConvergenceSettings,
    DataSettings,
    ModelSettings,
    TrackingSettings,
    TrainingSettings,
    TrialSettings,
)
from tuner.study import Definition, Study, sqlite_url
from tuner.tasks import Classification
from tuner.tracking import Tracker
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome, TrialSpec

KEY = "optimizer.learning_rate"
POINTS = 10
A_MINUTE = 60.0
WORKER = (sys.executable, "-m", "tests.worker.fake")
GOALS = goals(["val_accuracy"], {}, measured_scores(Classification))
BASE = TrialSettings(
    model=ModelSettings(checkpoint="quick"),
    data=DataSettings(format="csv", train="none.csv"),
    optimizer=AdamW(learning_rate=1e-4),
    schedule=Constant(warmup_fraction=0.0),
    training=TrainingSettings(evaluations=POINTS, save_state="never"),
    convergence=ConvergenceSettings(not_learning_patience=None, converged_patience=None),
)


class Quiet:
    """Shows nothing, and notes when each trial ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def trial_started(self, slot: int, spec: TrialSpec) -> None:
        """Nothing."""

    def progressed(self, slot: int, share: float, rate: float) -> None:
        """Nothing."""

    def reported(self, slot: int, value: float) -> None:
        """Nothing."""

    def trial_finished(self, slot: int, outcome: TrialOutcome) -> None:  # noqa: ARG002
        """Notes the time."""
        self.ends.append(time.perf_counter())

    def notice(self, text: str) -> None:
        """Passes it on."""
        print(text)


def bare(folder: Path, trials: int) -> list[float]:
    """Seconds of each trial of Optuna alone."""
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'bare.db'}",
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.NopPruner(),
        direction="maximize",
    )
    ends = [time.perf_counter()]
    for _ in range(trials):
        trial = study.ask()
        rate = trial.suggest_float(KEY, 1e-6, 1e-2, log=True)
        for point in range(1, POINTS + 1):
            trial.report(rate, point)
            trial.should_prune()
        study.tell(trial, rate)
        ends.append(time.perf_counter())
    return differences(ends)


def ours(folder: Path, trials: int) -> list[float]:
    """Seconds of each trial of the whole loop, the worker's own time included."""
    files, watch = StudyFolder(folder, "s"), Quiet()
    space = SearchSpace([Dimension(key=KEY, domain=FloatInterval(low=1e-6, high=1e-2, log=True))])
    files.path.mkdir(parents=True)
    study = Study(
        name="s",
        url=sqlite_url(files.database),
        definition=Definition(space=space, base=BASE, goals=GOALS),
        sampler={"name": "random", "seed": 0},
        pruner={"name": "none"},
        defaults={KEY: 1e-4},
    )
    launcher = LocalLauncher([Slot(index=0, environment={}, threads=1)], WORKER)
    tracker = Tracker(TrackingSettings(uri=f"sqlite:///{folder / 'mlflow.db'}"), "s", files)
    tracker.open()
    tracker.sweep_started({}, {})
    tracker.abandon(())
    launcher.start(0)
    sweep = Sweep(
        plan=Plan(
            goals=GOALS,
            compose=lambda p: replace(
                BASE, optimizer=replace(BASE.optimizer, learning_rate=p[KEY])
            ),
            render=lambda settings: f"{settings}\n",
            n_trials=trials,
        ),
        source=study,
        launcher=launcher,
        tracker=tracker,
        folder=files,
        watcher=watch,
    )
    try:
        sweep.run()
    finally:
        launcher.close(5.0)
        study.close()
        print(tracker.close(), end="")
    return differences(watch.ends)


def differences(ends: list[float]) -> list[float]:
    """Seconds between one end and the next."""
    return [after - before for before, after in pairwise(ends)]


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    found: dict[str, list[list[float]]] = {"Optuna alone": [], "ours": []}
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as place:
            found["Optuna alone"].append(bare(Path(place), given.trials))
            found["ours"].append(ours(Path(place), given.trials))
    each = {name: [statistics.median(run) for run in runs] for name, runs in found.items()}
    print(f"{given.rounds} rounds of {given.trials} trials with {POINTS} reports, in turns\n")
    for name, medians in each.items():
        print(f"{name:<13} {1000 * statistics.median(medians):.1f} ms a trial (medians: "
              f"{', '.join(f'{1000 * value:.1f}' for value in medians)})")  # fmt: skip
    added = [o - b for o, b in zip(each["ours"], each["Optuna alone"], strict=True)]
    share = statistics.median(added) / A_MINUTE
    print(
        f"{'added':<13} {1000 * statistics.median(added):.1f} ms, {share:.3%} of a minute's trial"
    )
    edge = min(100, given.trials // 2)
    for name, runs in found.items():
        ratios = [statistics.median(run[-edge:]) / statistics.median(run[:edge]) for run in runs]
        print(
            f"{name}: the last {edge} trials took {statistics.median(ratios):.2f} times the first"
        )


if __name__ == "__main__":
    main()
