"""Time until a trial starts in a warm worker, and the graphs that it traces again.

    python benchmarks/warm.py [--rounds 3]

One worker runs short trials of the default model and data, one after another, each of which
differs from the first one by one thing. Printed are the seconds from being asked for to the first
update (`Started`), and to the only report, whose excess over an unchanged trial is tracing.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from tuner.config import compose_sweep, compose_trial
from tuner.devices.slots import local_slots
from tuner.launchers.launcher import WorkerExited
from tuner.launchers.local import LocalLauncher
from tuner.settings.settings import TrialSettings
from tuner.trial.records import Decision, TrialSpec
from tuner.worker.protocol import (
    Answer,
    Failed,
    Finished,
    Ready,
    Reported,
    Run,
    Started,
)

UPDATES = 5
BASE = (
    "training.batch_size=16",
    f"data.train_examples={16 * UPDATES}",
    "data.validation_examples=64",
    "training.evaluations=1",
    "training.epochs=1",
    "training.save_state=never",
)
CHANGES = (
    "optimizer.learning_rate=1e-4", "schedule=cosine", "optimizer.weight_decay=0.1",
    "model.dropout=0.2", "training.clip_norm=5", "training.label_smoothing=0.1",
    "training.epochs=2", "training.seed=7", "training.batch_size=8", "model.max_length=64",
    "training.accumulation_steps=2", "optimizer=sgd", "optimizer=lion", "optimizer=adamw",
)  # fmt: skip
"""Difference from the first trial; `optimizer=adamw` is the first one again."""


def settings_of(*overrides: str) -> TrialSettings:
    """A short trial of the default configuration."""
    composed = compose_sweep(
        ["sweep=lr_search", "optimizer.learning_rate=5e-5", "schedule=linear",
         "schedule.warmup_fraction=0,0.1", *BASE, *overrides], Path.cwd()
    )  # fmt: skip
    return compose_trial(composed, {"schedule.warmup_fraction": 0.1})


class Worker:
    """One worker that runs one trial after another."""

    def __init__(self, place: Path) -> None:
        self._launcher = LocalLauncher(local_slots(1))
        self._place = place
        self._number = 0
        self._launcher.start(0)
        while not any(isinstance(e.message, Ready) for e in self._launcher.poll(1.0)):
            pass

    def time(self, settings: TrialSettings) -> tuple[float, float]:
        """Seconds from asking to the first update, and to the trial's only report."""
        self._number += 1
        folder = self._place / str(self._number)
        spec = TrialSpec(number=self._number, parameters={}, settings=settings, folder=str(folder))
        asked = time.perf_counter()
        started = reported = 0.0
        self._launcher.send(0, Run(spec=spec))
        while True:
            for event in self._launcher.poll(0.05):
                match event.message:
                    case Started():
                        started = time.perf_counter() - asked
                    case Reported():
                        reported = time.perf_counter() - asked
                        self._launcher.send(0, Answer(Decision.CONTINUE))
                    case Failed(error=error):
                        raise RuntimeError(error.message)
                    case WorkerExited(log=log):
                        raise RuntimeError(log)
                    case Finished():
                        return started, reported

    def close(self) -> None:
        """Ends it."""
        self._launcher.kill()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    base = settings_of()
    changed = {change: settings_of(change) for change in CHANGES}
    first: list[tuple[float, float]] = []
    plain: list[tuple[float, float]] = []
    times: dict[str, list[tuple[float, float]]] = {change: [] for change in CHANGES}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            worker = Worker(Path(place))
            first.append(worker.time(base))
            for change, settings in changed.items():
                plain.append(worker.time(base))
                times[change].append(worker.time(settings))
            worker.close()
    print(f"{rounds} workers, each from cold; medians (worst) in seconds\n")
    print("| trial | to the first update | to the only report |")
    print("|---|---|---|")
    for name, found in {"first of a worker": first, "unchanged": plain, **times}.items():
        cells = (statistics.median(c) for c in zip(*found, strict=True))
        worst = (max(c) for c in zip(*found, strict=True))
        shown = " | ".join(f"{c:.2f} ({w:.2f})" for c, w in zip(cells, worst, strict=True))
        print(f"| {name} | {shown} |")


if __name__ == "__main__":
    main()
