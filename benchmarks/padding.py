"""Effect of grouping by length on padding, speed and score: the default, with and without it.

    python benchmarks/padding.py --seeds 4

First prints which share of the tokens is padding when training on all of the default data. Then
trains the default configuration with every seed twice, in turns: grouped within windows of
`training.length_window` rows, and with windows of one row, which is no grouping; prints the mean
differences with their standard errors. --seeds 0 trains nothing.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, median, stdev

import numpy as np
from default_trial import default_trial
from turns import spread

from tuner.data import prepare
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline, Classification
from tuner.training import device
from tuner.training.batches import epoch_updates
from tuner.training.fine_tune import FineTuner
from tuner.trial.records import Decision, Report


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Result of one fine-tune."""

    accuracy: float
    loss: float
    padding: float
    seconds: float


class Recorder:
    """Keeps the reports of one fine-tune."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    def started(self, constant_guess: Baseline, labels: tuple[str, ...], resumed_at: int) -> None:
        """The first update begins."""

    def progress(self, share: float, examples_per_second: float) -> None:
        """Nobody looks."""

    def reported(self, report: Report) -> Decision:
        """Keeps a report."""
        self.reports.append(report)
        return Decision.CONTINUE

    def stop_requested(self) -> bool:
        """Never."""
        return False


def train(tuner: FineTuner, settings: TrialSettings, *, seed: int, window: int) -> Trained:
    """One fine-tune."""
    recorder = Recorder()
    training = replace(settings.training, seed=seed, length_window=window)
    if tuner.run(replace(settings, training=training), recorder):
        raise RuntimeError(f"seed {seed} with a window of {window} diverged")
    last = recorder.reports[-1]
    return Trained(
        accuracy=last.metrics["val_accuracy"],
        loss=last.val_loss,
        padding=mean(report.padding_fraction for report in recorder.reports),
        seconds=sum(report.seconds_training for report in recorder.reports),
    )


def show_shares() -> None:
    """Prints the share of padding in an epoch over all training rows."""
    settings = default_trial("data.train_examples=null")
    lengths = np.array(prepare(settings.data, settings.model, Classification()).train.lengths)
    print(f"{len(lengths)} rows\n\n| batch | grouped | not grouped | all padded to max_length |")
    print("|---|---|---|---|")
    for batch in (8, 16, 32):
        shares = []
        for window in (settings.training.length_window, 1):
            updates = epoch_updates(lengths, batch, seed=0, epoch=0, window=window)
            padded = sum(len(rows) * int(lengths[rows].max()) for rows in updates)
            shares.append(1 - int(lengths.sum()) / padded)
        shares.append(1 - float(lengths.mean()) / settings.model.max_length)
        print(f"| {batch} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")


def difference(name: str, grouped: Sequence[float], plain: Sequence[float]) -> str:
    """A row of the table: means and the mean of the paired differences."""
    pairs = [a - b for a, b in zip(grouped, plain, strict=True)]
    error = stdev(pairs) / math.sqrt(len(pairs))
    return (
        f"| {name} | {mean(grouped):.4f} | {mean(plain):.4f} "
        f"| {mean(pairs):+.4f} (standard error {error:.4f}) |"
    )


def show(grouped: Sequence[Trained], plain: Sequence[Trained]) -> None:
    """Prints the tables."""
    print("\n| | grouped | not grouped | difference |\n|---|---|---|---|")
    for name in ("accuracy", "loss"):
        columns = [[getattr(each, name) for each in runs] for runs in (grouped, plain)]
        print(difference(f"validation {name}", *columns))
    shares = [median(each.padding for each in runs) for runs in (grouped, plain)]
    print(f"| padding, share of tokens | {shares[0]:.3f} | {shares[1]:.3f} | |")
    ratios = [b.seconds / a.seconds for a, b in zip(grouped, plain, strict=True)]
    print(f"\nGrouping makes updates faster by {spread(ratios)}, median and range of the pairs.")


def main() -> None:
    """Trains all pairs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=4, help="0, or 2 and more")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    show_shares()
    if not given.seeds:
        return
    device.set_up(given.threads)
    settings, tuner = default_trial(), FineTuner()
    tuner.prepare(settings)
    window = settings.training.length_window
    grouped: list[Trained] = []
    plain: list[Trained] = []
    for seed in range(given.seeds):
        turns = [(grouped, window), (plain, 1)]
        for runs, size in turns if seed % 2 == 0 else reversed(turns):
            runs.append(train(tuner, settings, seed=seed, window=size))
        print(f"seed {seed}: {grouped[-1]}\n        {plain[-1]}", file=sys.stderr, flush=True)
    show(grouped, plain)


if __name__ == "__main__":
    main()
