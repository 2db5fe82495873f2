"""Other ways to predict the end of a curve, tried for pruner=extrapolation and left out.

    python benchmarks/extrapolations.py

Each is replayed as in benchmarks/pruners.py, at thresholds between which it spends about what the
chosen one spends. `changes` asks how often the finished curves changed by as much as this one
needs, the more so those that were near it at the same point; `regression` predicts the end from
the mean of the last three points by a line through the finished curves; `exponent` is the chosen
one with other power laws, -1 a straight line over time.
"""

import argparse
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState
from pruners import POINTS, REPLAYS, SETTINGS, print_tables

from tuner.search.extrapolation import forecast, noise

Curves = Sequence[Sequence[float]]
Predictor = Callable[[Sequence[float], Curves], float]
"""A curve so far and the finished ones to the chance that it ends above all of them."""

LAST = 3
"""Points of which the mean stands for a curve's value; one alone is noisy."""

JEFFREYS = 0.5
"""What is counted before anything was seen, for and against."""

PRIOR_CURVES = 2
"""Curves that the range of all values weighs as much as, for the error of a regression."""


def level(curve: Sequence[float], count: int) -> float:
    """Where a curve stands after so many points."""
    return statistics.fmean(curve[max(0, count - LAST) : count])


def changes(curve: Sequence[float], finished: Curves) -> float:
    """By how much the finished curves changed from here, weighted by how near they were."""
    own, needed = level(curve, len(curve)), max(each[-1] for each in finished)
    levels = [level(each, len(curve)) for each in finished]
    width = statistics.stdev([own, *levels]) * len(levels) ** -0.2 or 1e-9
    enough, counted = JEFFREYS, 2 * JEFFREYS
    for each, was in zip(finished, levels, strict=True):
        weight = math.exp(-0.5 * ((was - own) / width) ** 2)
        enough += weight * (own + each[-1] - was > needed)
        counted += weight
    return enough / counted


def regression(curve: Sequence[float], finished: Curves) -> float:
    """The end by a line through level and end of the finished curves, drawn to slope 1."""
    values = [value for each in finished for value in each]
    prior = PRIOR_CURVES * max((max(values) - min(values)) / 2, 1e-9) ** 2
    levels = [level(each, len(curve)) for each in finished]
    ends = [each[-1] for each in finished]
    place, middle = statistics.fmean(levels), statistics.fmean(ends)
    pairs = list(zip(levels, ends, strict=True))
    spread = sum((x - place) ** 2 for x in levels) + 0.1 * prior
    slope = (sum((x - place) * (y - middle) for x, y in pairs) + 0.1 * prior) / spread
    residue = sum((y - middle - slope * (x - place)) ** 2 for x, y in pairs)
    ahead = level(curve, len(curve)) - place
    variance = (residue + prior) / (len(pairs) + PRIOR_CURVES)
    error = math.sqrt(variance * (1 + 1 / len(pairs) + ahead**2 / spread))
    return 1 - statistics.NormalDist(middle + slope * ahead, error).cdf(max(ends))


def power_law(exponent: float, curve: Sequence[float], finished: Curves) -> float:
    """The chosen one's, with points moved to where its exponent of a half makes it another."""
    moved = [round(1e6 * point ** (2 * exponent)) for point in range(1, POINTS + 1)]
    known = dict(zip(moved, curve, strict=False))
    best = max(each[-1] for each in finished)
    found = forecast(known, moved[-1], noise([*finished, curve]))
    return 1.0 if found is None else found.above(best)


class PredictingPruner(BasePruner):
    """Stops what has less than a threshold's chance, after a first trial completed."""

    def __init__(self, predictor: Predictor, threshold: float) -> None:
        """Takes what predicts, and the smallest chance."""
        self.predictor = predictor
        self.threshold = threshold

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the chance is too small."""
        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        finished = [list(each.intermediate_values.values()) for each in completed]
        curve = list(trial.intermediate_values.values())
        return bool(finished) and self.predictor(curve, finished) < self.threshold


def others() -> Mapping[str, Callable[[], BasePruner]]:
    """Those that are compared, by name."""
    tried: list[tuple[str, Predictor, Sequence[float]]] = [
        ("changes", changes, (0.05, 0.1)),
        ("regression", regression, (0.02, 0.05, 0.1)),
        *((f"exponent {each}", partial(power_law, each), (0.02,)) for each in (0.1, 0.25, 0.5, 1)),
        ("exponent -1", partial(power_law, -1), (0.02, 0.05)),
    ]
    return {
        f"{name}, threshold {threshold}": partial(PredictingPruner, predictor, threshold)
        for name, predictor, thresholds in tried
        for threshold in thresholds
    }


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--on", choices=SETTINGS, nargs="+", default=list(SETTINGS)[:3])
    parser.add_argument("--replays", type=int, default=REPLAYS)
    given = parser.parse_args()
    print_tables(others(), given.on, given.replays)


if __name__ == "__main__":
    main()
