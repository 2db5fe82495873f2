"""Which pruner for short sweeps: each replayed on recorded curves of the default sweep.

    python benchmarks/pruners.py                            # the table, from the recorded curves
    python -m tuner sweep=lr_search sampler=random pruner=none sweep.n_trials=24
    python benchmarks/pruners.py --record outputs/lr_search # record anew from such a sweep

A replay draws 14 of the recorded trials in random order, runs them on two slots, and lets the
pruner stop them where the product would: not before warm-up and 30 % of the budget, never trial 0.
Printed are the share of the budget that was spent, how far the best that was left lies below the
best drawn, and how often the best was lost.
"""

import argparse
import json
import random
import statistics
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)

from tuner.core.budget import may_prune

RECORDED = Path(__file__).parent / "recorded" / "lr_search.json"
Curve = dict[str, Any]
DRAWN = 14
SLOTS = 2
REPLAYS = 200

PRUNERS: dict[str, Callable[[], BasePruner]] = {
    "none": NopPruner,
    "asha, reduction_factor 2": lambda: SuccessiveHalvingPruner(1, 2),
    "asha, reduction_factor 2, from point 3": lambda: SuccessiveHalvingPruner(3, 2),
    "asha, reduction_factor 2, from point 4": lambda: SuccessiveHalvingPruner(4, 2),
    "asha, reduction_factor 2, from point 5": lambda: SuccessiveHalvingPruner(5, 2),
    "asha, reduction_factor 3, from point 2": lambda: SuccessiveHalvingPruner(2, 3),
    "asha, reduction_factor 3": lambda: SuccessiveHalvingPruner(1, 3),
    "asha, reduction_factor 4": lambda: SuccessiveHalvingPruner(1, 4),
    "hyperband, reduction_factor 2": lambda: HyperbandPruner(1, 10, 2),
    "hyperband, reduction_factor 3": lambda: HyperbandPruner(1, 10, 3),
    "median, n_startup_trials 2": lambda: MedianPruner(2),
    "median, n_startup_trials 3": lambda: MedianPruner(3),
    "median, n_startup_trials 5": MedianPruner,
    "percentile 33, n_startup_trials 3": lambda: PercentilePruner(33.0, 3),
    "percentile 66, n_startup_trials 2": lambda: PercentilePruner(66.0, 2),
}


def record(folder: Path) -> None:
    """Writes the curves of a finished, unpruned sweep."""
    curves = []
    for outcome in sorted(folder.glob("trials/*/outcome.json")):
        reports = (outcome.parent / "reports.jsonl").read_text().splitlines()
        values = [json.loads(line)["metrics"]["val_accuracy"] for line in reports]
        curves.append(
            {"parameters": json.loads(outcome.read_text())["parameters"], "val_accuracy": values}
        )
    RECORDED.write_text(json.dumps(curves, indent=1) + "\n")


class Replay:
    """A sweep over recorded curves; `run` gives what the pruner saved and what it lost."""

    def __init__(self, make: Callable[[], BasePruner], curves: list[Curve], seed: int) -> None:
        """Draws the trials."""
        drawn = random.Random(seed).sample(curves, DRAWN)  # noqa: S311
        self.waiting = list(enumerate(drawn))
        self.running: list[Running] = []
        self.budget = sum(len(curve["val_accuracy"]) for curve in drawn)
        self.best_drawn = max(curve["val_accuracy"][-1] for curve in drawn)
        self.spent = self.pruned = 0
        self.best = 0.0
        sampler = optuna.samplers.RandomSampler(0)
        self.study = optuna.create_study(
            study_name="replay", direction="maximize", pruner=make(), sampler=sampler
        )

    def run(self) -> tuple[float, float, int]:
        """Share of the budget spent, what was lost of the best score, trials pruned."""
        while self.waiting or self.running:
            while self.waiting and len(self.running) < SLOTS:
                number, curve = self.waiting.pop(0)
                self.running.append(Running(number, curve, self.study.ask()))
            self.running = [trial for trial in self.running if self.goes_on(trial)]
        return self.spent / self.budget, self.best_drawn - self.best, self.pruned

    def goes_on(self, running: "Running") -> bool:
        """Takes one trial to its next point; False when it ended there."""
        values = running.curve["val_accuracy"]
        running.point += 1
        self.spent += 1
        running.trial.report(values[running.point - 1], running.point)
        poor = running.trial.should_prune() and running.number > 0
        warmup = running.curve["parameters"].get("schedule.warmup_fraction", 0.1)
        if running.point == len(values):
            self.study.tell(running.trial, values[-1])
            self.best = max(self.best, values[-1])
            return False
        if poor and may_prune(running.point, len(values), warmup):
            self.study.tell(running.trial, state=optuna.trial.TrialState.PRUNED)
            self.pruned += 1
            return False
        return True


@dataclass
class Running:
    """A trial on its way."""

    number: int
    curve: Curve
    trial: optuna.Trial
    point: int = 0


def main() -> None:
    """Records or prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--record", type=Path, help="output folder of an unpruned sweep")
    arguments = parser.parse_args()
    if arguments.record:
        record(arguments.record)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    curves = json.loads(RECORDED.read_text())
    print(f"{REPLAYS} replays of {DRAWN} of {len(curves)} recorded trials\n")
    heads = ("budget", "loss mean", "loss max", "best lost", "pruned")
    print(f"{'pruner':<36} " + " ".join(f"{head:>10}" for head in heads))
    for name, make in PRUNERS.items():
        rows = [Replay(make, curves, seed).run() for seed in range(REPLAYS)]
        budget, loss, pruned = zip(*rows, strict=True)
        lost = sum(value > 0 for value in loss) / REPLAYS
        print(
            f"{name:<36} {statistics.mean(budget):>10.2f} {statistics.mean(loss):>10.4f} "
            f"{max(loss):>10.3f} {lost:>10.1%} {statistics.mean(pruned):>10.1f}"
        )


if __name__ == "__main__":
    main()
