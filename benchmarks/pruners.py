"""Pruners for short sweeps, each replayed on recorded curves.

    python benchmarks/pruners.py                            # the tables, from the recorded curves
    python benchmarks/pruners.py --only extrapolation       # pruners whose names hold this word
    python -m tuner sweep=lr_search sampler=random pruner=none sweep.n_trials=24
    python benchmarks/pruners.py --record outputs/lr_search # record anew from such a sweep

The curves are those of the default sweep (`lr_search.json`), of benchmarks/factorial.py, and of
benchmarks/curves.py, whose settings were chosen to go wrong, judged by accuracy and by loss. No
pruner's options were chosen by the last ones.

A replay draws some of the recorded trials in random order, runs them on two slots, and lets the
pruner stop them where the product would: not before warm-up and 30 % of the budget, never trial 0.
Printed are the share of the budget that was spent, how far the best that was left lies below the
best drawn, and how often the best was lost.
"""

import argparse
import json
import math
import random
import statistics
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path

import optuna
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)

from tuner.search.goals import goals
from tuner.settings.objectives import measured_scores
from tuner.study.strategies import ExtrapolationPruner
from tuner.tasks import Classification
from tuner.trial.budget import may_prune

RECORDED = Path(__file__).parent / "recorded" / "lr_search.json"
SLOTS = 2
REPLAYS = 200
POINTS = 10
WARMUP = 0.1


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A recorded trial.

    Attributes:
        values: At each evaluation point; fewer than POINTS where it diverged. Larger is better.
        warmup: `schedule.warmup_fraction`.
    """

    values: Sequence[float]
    warmup: float = WARMUP


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Recorded trials, and how many of them a replay draws."""

    read: Callable[[], list[Curve]]
    drawn: int


def default_sweep() -> list[Curve]:
    """24 trials of the default sweep, drawn at random."""
    return [
        Curve(
            values=each["val_accuracy"],
            warmup=each["parameters"].get("schedule.warmup_fraction", WARMUP),
        )
        for each in json.loads(RECORDED.read_text())
    ]


def factorial() -> list[Curve]:
    """The fine-tunes of benchmarks/factorial.py."""
    rows = json.loads(RECORDED.with_name("search.json").read_text())
    return [Curve(values=row["values"]) for row in rows]


def troubled(data: str, rows: int, metric: str) -> list[Curve]:
    """Those of benchmarks/curves.py with two epochs of so many rows."""
    lines = RECORDED.with_name("curves.jsonl").read_text().splitlines()
    found = (json.loads(line) for line in lines)
    chosen = [
        each for each in found if (each["data"], each["rows"], each["epochs"]) == (data, rows, 2)
    ]
    return [Curve(values=told(each["reports"], metric)) for each in chosen]


def told(reports: Sequence[Mapping[str, float]], metric: str) -> list[float]:
    """The values of a curve up to where it diverged; larger is better."""
    values = (
        -report["val_loss"] if metric == "val_loss" else report["metrics"][metric]
        for report in reports
    )
    return list(takewhile(math.isfinite, values))


SETTINGS: Mapping[str, Setting] = {
    "default sweep": Setting(read=default_sweep, drawn=14),
    "factorial": Setting(read=factorial, drawn=14),
    "factorial, more trials": Setting(read=factorial, drawn=50),
    "reviews, accuracy": Setting(read=partial(troubled, "reviews", 800, "val_accuracy"), drawn=14),
    "reviews, loss": Setting(read=partial(troubled, "reviews", 800, "val_loss"), drawn=14),
    "questions, accuracy": Setting(
        read=partial(troubled, "intents", 500, "val_accuracy"), drawn=14
    ),
    "questions, loss": Setting(read=partial(troubled, "intents", 500, "val_loss"), drawn=14),
}

ACCURACY = goals(["val_accuracy"], {}, measured_scores(Classification))
"""Objective of a replay: larger is better, whatever the values are."""

PRUNERS: dict[str, Callable[[], BasePruner]] = {
    "none": NopPruner,
    "asha, reduction_factor 2": partial(SuccessiveHalvingPruner, 1, 2),
    "asha, reduction_factor 2, from point 3": partial(SuccessiveHalvingPruner, 3, 2),
    "asha, reduction_factor 2, from point 4": partial(SuccessiveHalvingPruner, 4, 2),
    "asha, reduction_factor 2, from point 5": partial(SuccessiveHalvingPruner, 5, 2),
    "asha, reduction_factor 3, from point 2": partial(SuccessiveHalvingPruner, 2, 3),
    "asha, reduction_factor 3": partial(SuccessiveHalvingPruner, 1, 3),
    "asha, reduction_factor 4": partial(SuccessiveHalvingPruner, 1, 4),
    "hyperband, reduction_factor 2": partial(HyperbandPruner, 1, 10, 2),
    "hyperband, reduction_factor 3": partial(HyperbandPruner, 1, 10, 3),
    "median, n_startup_trials 2": partial(MedianPruner, 2),
    "median, n_startup_trials 3": partial(MedianPruner, 3),
    "median, n_startup_trials 5": MedianPruner,
    "percentile 33, n_startup_trials 3": partial(PercentilePruner, 33.0, 3),
    "percentile 66, n_startup_trials 2": partial(PercentilePruner, 66.0, 2),
    "extrapolation, threshold 0.01": partial(ExtrapolationPruner, ACCURACY, 0.01),
    "extrapolation, threshold 0.02": partial(ExtrapolationPruner, ACCURACY, 0.02),
    "extrapolation, threshold 0.05": partial(ExtrapolationPruner, ACCURACY, 0.05),
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

    def __init__(self, pruner: BasePruner, drawn: Sequence[Curve]) -> None:
        """A study of its own, in memory."""
        self.waiting = list(enumerate(drawn))
        self.running: list[Running] = []
        self.budget = sum(len(curve.values) for curve in drawn)
        self.best_drawn = max(curve.values[-1] for curve in drawn if len(curve.values) == POINTS)
        self.spent = self.pruned = 0
        self.best = -math.inf
        sampler = optuna.samplers.RandomSampler(0)
        self.study = optuna.create_study(
            study_name="replay", direction="maximize", pruner=pruner, sampler=sampler
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
        values = running.curve.values
        running.point += 1
        self.spent += 1
        running.trial.report(values[running.point - 1], running.point)
        poor = running.trial.should_prune() and running.number > 0
        if running.point == POINTS:
            self.study.tell(running.trial, values[-1])
            self.best = max(self.best, values[-1])
            return False
        pruned = poor and may_prune(running.point, POINTS, running.curve.warmup)
        if pruned or running.point == len(values):
            self.study.tell(running.trial, state=optuna.trial.TrialState.PRUNED)
            self.pruned += pruned
            return False
        return True


@dataclass
class Running:
    """A trial on its way."""

    number: int
    curve: Curve
    trial: optuna.Trial
    point: int = 0


def replay(make: Callable[[], BasePruner], setting: str, seed: int) -> tuple[float, float, int]:
    """Effect of one pruner on one draw."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    chosen = SETTINGS[setting]
    drawn = random.Random(seed).sample(chosen.read(), chosen.drawn)  # noqa: S311
    return Replay(make(), drawn).run()


def line(name: str, rows: Sequence[tuple[float, float, int]]) -> str:
    """A pruner's line of a table."""
    budget, loss, pruned = zip(*rows, strict=True)
    lost = sum(value > 0 for value in loss) / len(rows)
    return (
        f"| {name} | {statistics.mean(budget):.2f} | {statistics.mean(loss):.4f} "
        f"| {max(loss):.3f} | {lost:.1%} | {statistics.mean(pruned):.1f} |"
    )


def print_tables(
    pruners: Mapping[str, Callable[[], BasePruner]], settings: Sequence[str], replays: int
) -> None:
    """A table for each of SETTINGS."""
    with ProcessPoolExecutor() as pool:
        for setting in settings:
            drawn, curves = SETTINGS[setting].drawn, len(SETTINGS[setting].read())
            print(f"\n{setting}: {replays} replays of {drawn} of {curves} recorded trials\n")
            print("| pruner | budget | loss mean | loss max | best lost | pruned |")
            print("|---|---|---|---|---|---|")
            for name, make in pruners.items():
                rows = list(pool.map(partial(replay, make, setting), range(replays)))
                print(line(name, rows), flush=True)


def main() -> None:
    """Records or prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--record", type=Path, help="output folder of an unpruned sweep")
    parser.add_argument("--only", default="", help="pruners whose names hold this")
    parser.add_argument("--on", choices=SETTINGS, nargs="+", default=list(SETTINGS))
    parser.add_argument("--replays", type=int, default=REPLAYS)
    given = parser.parse_args()
    if given.record:
        record(given.record)
    chosen = {name: make for name, make in PRUNERS.items() if given.only in name}
    print_tables(chosen, given.on, given.replays)


if __name__ == "__main__":
    main()
