"""Cost of MLflow for a sweep: time of the loop and of the machine, as shares of a trial's.

    python benchmarks/tracking.py [--trials 10] [--reports 10] [--seconds 60] [--uri URI]

Tracks trials as the sweep's loop does, with a pause before each report that lets the thread that
sends catch up, so that it gets to send every point alone, as in a real sweep. Prints, for each
store (a fresh SQLite file; a server too where `--uri` names one):

- loop: seconds that the loop spends in the tracker for one trial, and for its slowest call;
- thread: seconds of one core that the sending thread computes for one trial;
- both as shares of a trial of so many seconds.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tuner.optimizers import AdamW
from tuner.schedules import Linear
from tuner.settings.settings import DataSettings, ModelSettings, TrackingSettings, TrialSettings
from tuner.tracking import Tracker
from tuner.trial.folder import StudyFolder
from tuner.trial.records import FixedRows, Report, TrialOutcome, TrialSpec, TrialState

SETTINGS = TrialSettings(
    model=ModelSettings(checkpoint="none"),
    data=DataSettings(format="csv"),
    optimizer=AdamW(learning_rate=1e-4),
    schedule=Linear(),
)
CONFIG = "key: value\n" * 80
LOG_LINES = 200


def report(point: int, points: int) -> Report:
    """A report with every figure that a worker sends."""
    rows = FixedRows(
        examples=400,
        loss=0.5,
        loss_error=0.02,
        score=0.8,
        association=12.0,
        majority_share=0.5,
        error_within_strata=0.02,
    )
    return Report(
        point=point,
        points=points,
        final=point == points,
        examples_seen=200 * point,
        total_examples=200 * points,
        updates=13 * point,
        skipped_updates=0,
        train_loss=1.0 / point,
        train_loss_std=0.05,
        train_loss_max=1.2 / point,
        learning_rate=1e-4,
        grad_norm=1.0,
        weight_change=0.01 * point,
        val_loss=1.1 / point,
        metrics={"val_accuracy": 0.8, "val_macro_f1": 0.8, "val_mcc": 0.6},
        majority_share=0.5,
        validation_examples=400,
        fixed=rows,
        examples_per_second=40.0,
        padding_fraction=0.05,
        peak_memory_bytes=10**9,
        seconds_training=5.0,
        seconds_evaluating=1.0,
    )


class Stopwatch:
    """Seconds of the calls that it makes."""

    def __init__(self) -> None:
        """Nothing was called yet."""
        self.total = self.slowest = 0.0

    def __call__(self, call: Callable[[], None]) -> None:
        """Calls."""
        begun = time.perf_counter()
        call()
        seconds = time.perf_counter() - begun
        self.total += seconds
        self.slowest = max(self.slowest, seconds)


def run_trial(
    tracker: Tracker, folder: StudyFolder, number: int, reports: int, pause: float
) -> Stopwatch:
    """One trial; the trial's own folder is not counted."""
    watch = Stopwatch()
    trial = folder.trial(number)
    trial.begin(CONFIG)
    spec = TrialSpec(
        number=number,
        parameters={"optimizer.learning_rate": 1e-4, "training.batch_size": 16},
        settings=SETTINGS,
        folder=str(trial.path),
    )
    watch(lambda: tracker.trial_started(spec, "trial", CONFIG))
    last = report(1, reports)
    for point in range(1, reports + 1):
        time.sleep(pause)
        last = report(point, reports)
        trial.append(last)
        watch(lambda made=last: tracker.reported(number, made))  # type: ignore[misc]
    trial.log.write_text("a line that a library printed\n" * LOG_LINES)
    time.sleep(pause)
    outcome = TrialOutcome(number=number, state=TrialState.COMPLETE, value=0.8, last=last)
    watch(lambda: tracker.trial_finished(outcome, [trial.log, trial.reports], ("bad", "good")))
    return watch


def thread_seconds() -> float:
    """Seconds of one core that the sending thread has computed so far."""
    (thread,) = [each for each in threading.enumerate() if each.name == "tracking"]
    (found,) = [each for each in psutil.Process().threads() if each.id == thread.native_id]
    return float(found.user_time + found.system_time)


def measure(uri: str, output: Path, wanted: argparse.Namespace) -> None:
    """Prints the cost with one store."""
    study = f"tracking-benchmark-{time.time_ns()}"
    folder = StudyFolder(output, study)
    tracker = Tracker(TrackingSettings(uri=uri), study, folder)
    tracker.open()
    tracker.sweep_started({}, {})
    tracker.abandon([])
    run_trial(tracker, folder, 0, wanted.reports, wanted.pause)  # the first one imports
    time.sleep(1.0)
    before = thread_seconds()
    watches = [
        run_trial(tracker, folder, number, wanted.reports, wanted.pause)
        for number in range(1, wanted.trials + 1)
    ]
    time.sleep(2.0)  # the end of the last trial is sent
    thread = (thread_seconds() - before) / wanted.trials
    tracker.sweep_finished({}, "text", [], "FINISHED")
    print(tracker.close(), end="")
    loop = statistics.mean(watch.total for watch in watches)
    slowest = max(watch.slowest for watch in watches)
    print(
        f"{uri.partition(':')[0]:<7} loop {loop * 1e3:6.1f} ms a trial "
        f"({loop / wanted.seconds:.3%} of {wanted.seconds:.0f} s), slowest call "
        f"{slowest * 1e3:.1f} ms;  thread {thread:5.2f} s of a core a trial "
        f"({thread / wanted.seconds:.2%})"
    )


def main() -> None:
    """Measures every store."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--reports", type=int, default=10, help="evaluation points of a trial")
    parser.add_argument("--seconds", type=float, default=60.0, help="that a trial takes")
    parser.add_argument("--pause", type=float, default=0.4, help="seconds before each report")
    parser.add_argument("--uri", help="tracking URI of a server")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(f"sqlite:///{folder}/mlflow.db", Path(folder), wanted)
        if wanted.uri:
            measure(wanted.uri, Path(folder), wanted)


if __name__ == "__main__":
    main()
