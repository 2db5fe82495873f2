"""Pruning where two objectives are traded off, replayed on recorded curves.

    python benchmarks/tradeoffs.py

The trials are those of benchmarks/curves.py with two epochs, in random order on two slots. A trial
is stopped when it will hardly end undominated by a completed one (`pruner=extrapolation`), where
the product would: not before warm-up and 30 % of the budget, never trial 0.

Printed are the share of the budget that was spent, the share of the Pareto front of the drawn
trials that was lost, how often any of it was, and the share of the hypervolume that went with it
(over the worst values drawn).
"""

import argparse
import json
import math
import random
import statistics
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import optuna

from tuner.search.goals import Goals
from tuner.search.goals import goals as goals_of
from tuner.search.pareto import Point, as_maximized, undominated
from tuner.settings.objectives import measured_scores
from tuner.study.curves import tell
from tuner.study.strategies import build_pruner
from tuner.tasks import Classification
from tuner.trial.budget import may_prune

RECORDED = Path(__file__).parent / "recorded" / "curves.jsonl"
DATA = {"reviews": 800, "intents": 500}
PAIRS = (("val_accuracy", "val_loss"), ("val_accuracy", "examples_per_second"))
THRESHOLDS = (0.0, 0.01, 0.02, 0.05)
DRAWN, SLOTS, REPLAYS, POINTS, WARMUP = 14, 2, 200, 10, 0.1

Curve = Sequence[Mapping[str, float]]
"""Objectives at each evaluation point; fewer than POINTS if the trial diverged."""


@dataclass(kw_only=True)
class Running:
    """A trial on its way."""

    number: int
    curve: Curve
    trial: optuna.Trial
    point: int = 0


def recorded(data: str, goals: Goals) -> list[Curve]:
    """The trials of one data set."""
    lines = map(json.loads, RECORDED.read_text().splitlines())
    chosen = (each for each in lines if (each["data"], each["epochs"]) == (data, 2))
    return [_curve(each["reports"], goals) for each in chosen if each["rows"] == DATA[data]]


def _curve(reports: Sequence[Mapping[str, float]], goals: Goals) -> Curve:
    found, seconds = [], 0.0
    for report in reports:
        seconds += report["seconds_training"]
        known = {**report, **dict(report["metrics"])}  # type: ignore[call-overload]
        known["examples_per_second"] = report["examples_seen"] / seconds
        values = {name: known[name] for name in goals.objectives}
        if not all(map(math.isfinite, values.values())):
            break
        found.append(values)
    return found


class Replay:
    """A sweep over recorded curves."""

    def __init__(self, goals: Goals, drawn: Sequence[Curve], threshold: float) -> None:
        """A study of its own, in memory."""
        self.goals = goals
        self.waiting = list(enumerate(drawn))
        self.running: list[Running] = []
        self.spent = 0
        self.left: list[Point] = []
        self.pruner = build_pruner({"name": "extrapolation", "threshold": threshold}, goals)
        self.study = optuna.create_study(
            directions=goals.directions, sampler=optuna.samplers.RandomSampler(0)
        )

    def run(self) -> None:
        """To the end; `spent` are points, `left` the objectives of what completed."""
        while self.waiting or self.running:
            while self.waiting and len(self.running) < SLOTS:
                number, curve = self.waiting.pop(0)
                self.running.append(Running(number=number, curve=curve, trial=self.study.ask()))
            self.running = [each for each in self.running if self.goes_on(each)]

    def goes_on(self, running: Running) -> bool:
        """Takes one trial to its next point; False when it ended there."""
        if running.point == len(running.curve):  # It diverged.
            return self.prune(running)
        values = running.curve[running.point]
        running.point += 1
        self.spent += 1
        tell(running.trial, self.goals, running.point, values)
        if running.point == POINTS:
            self.study.tell(running.trial, [values[name] for name in self.goals.objectives])
            self.left.append(as_maximized(values, self.goals))
            return False
        known = self.study.get_trials(deepcopy=False)[running.trial.number]
        poor = self.pruner.prune(self.study, known) and running.number > 0
        return self.prune(running) if poor and may_prune(running.point, POINTS, WARMUP) else True

    def prune(self, running: Running) -> bool:
        """Ends a trial before its budget is spent."""
        self.study.tell(running.trial, state=optuna.trial.TrialState.PRUNED)
        return False


def replay(goals: Goals, data: str, threshold: float, seed: int) -> tuple[float, float, float]:
    """Share of the budget spent, of the front lost, of the hypervolume lost."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    drawn = random.Random(seed).sample(recorded(data, goals), DRAWN)  # noqa: S311
    sweep = Replay(goals, drawn, threshold)
    sweep.run()
    ends = [as_maximized(curve[-1], goals) for curve in drawn if len(curve) == POINTS]
    best = undominated(ends)
    worst = tuple(map(min, zip(*ends, strict=True)))
    lost = len(best - set(sweep.left)) / len(best)
    volume = 1 - area(sweep.left, worst) / area(ends, worst)
    return sweep.spent / sum(map(len, drawn)), lost, volume


def area(points: Sequence[Point], worst: Point) -> float:
    """The hypervolume of two objectives: what the points dominate above the worst values."""
    total, height = 0.0, worst[1]
    for across, up in sorted(undominated(points), reverse=True):
        total += (across - worst[0]) * (up - height)
        height = up
    return total


def main() -> None:
    """Prints a table for each data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--replays", type=int, default=REPLAYS)
    given = parser.parse_args()
    print("| data | objectives | threshold | budget | front lost | ever | hypervolume lost |")
    print("|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor() as pool:
        for data in DATA:
            for pair in PAIRS:
                for threshold in THRESHOLDS:
                    wanted = goals_of(pair, {}, measured_scores(Classification))
                    run = partial(replay, wanted, data, threshold)
                    rows = list(pool.map(run, range(given.replays)))
                    budget, lost, volume = zip(*rows, strict=True)
                    ever = sum(share > 0 for share in lost) / len(lost)
                    print(
                        f"| {data} | {', '.join(pair)} | {threshold or 'none'} "
                        f"| {statistics.mean(budget):.2f} | {statistics.mean(lost):.1%} "
                        f"| {ever:.0%} | {statistics.mean(volume):.2%} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
