"""Learning curves of a trial in an Optuna study.

Optuna keeps one value a step, and none where a study has several objectives: there, and for
constrained metrics, the curves are an attribute of the trial.
"""

from collections.abc import Mapping

import optuna
from optuna.trial import FrozenTrial

from tuner.search.goals import Goals

CURVES = "curves"
"""User attribute of a trial: metric to evaluation point (as text) to value."""


def tell(trial: optuna.Trial, goals: Goals, point: int, values: Mapping[str, float]) -> None:
    """Report what was measured at an evaluation point to Optuna; a point reported before is kept.

    Args:
        trial: Running trial of Optuna.
        goals: Goals of its study.
        point: Number of the evaluation point, counted from 1.
        values: Values of `goals.watched`.
    """
    reported = values
    if not goals.several:
        trial.report(values[goals.objective], point)
        reported = {name: value for name, value in values.items() if name != goals.objective}
    if reported:
        curves = trial.user_attrs.get(CURVES, {})
        added = {
            name: {str(point): value} | curves.get(name, {}) for name, value in reported.items()
        }
        trial.set_user_attr(CURVES, added)


def curve(trial: FrozenTrial, metric: str) -> dict[int, float]:
    """Return a metric by evaluation point, in order; the only objective of a study included."""
    curves = trial.user_attrs.get(CURVES, {})
    reported = curves.get(metric, trial.intermediate_values)
    return dict(sorted((int(point), float(value)) for point, value in reported.items()))


def points(trial: FrozenTrial, goals: Goals) -> dict[int, dict[str, float]]:
    """Return the watched metrics that were reported, by evaluation point and metric."""
    curves = {name: curve(trial, name) for name in goals.watched}
    reported = sorted({point for values in curves.values() for point in values})
    return {
        point: {name: values[point] for name, values in curves.items() if point in values}
        for point in reported
    }
