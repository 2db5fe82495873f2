"""A trial's learning curves as they stand in an Optuna study.

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
    """Tells what was measured at an evaluation point; a point told before is left as it was.

    Args:
        trial: Running.
        goals: Of its study.
        point: Counted from 1.
        values: Of `goals.watched`.
    """
    told = values
    if not goals.several:
        trial.report(values[goals.objective], point)
        told = {name: value for name, value in values.items() if name != goals.objective}
    if told:
        curves = trial.user_attrs.get(CURVES, {})
        added = {name: {str(point): value} | curves.get(name, {}) for name, value in told.items()}
        trial.set_user_attr(CURVES, added)


def curve(trial: FrozenTrial, metric: str) -> dict[int, float]:
    """A metric by evaluation point, in order; the objective where it is a study's only one."""
    curves = trial.user_attrs.get(CURVES, {})
    told = curves.get(metric, trial.intermediate_values)
    return dict(sorted((int(point), float(value)) for point, value in told.items()))


def points(trial: FrozenTrial, goals: Goals) -> dict[int, dict[str, float]]:
    """What counts, by evaluation point in order and metric, as far as it was told."""
    curves = {name: curve(trial, name) for name in goals.watched}
    told = sorted({point for values in curves.values() for point in values})
    return {
        point: {name: values[point] for name, values in curves.items() if point in values}
        for point in told
    }
