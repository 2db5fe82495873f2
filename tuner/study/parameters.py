"""The search space in Optuna's terms: what a trial is given, and what it is asked for."""

from collections.abc import Mapping

import optuna

from tuner.core.space import Choice, Domain, FloatInterval, IntInterval, SearchSpace, contains
from tuner.core.trial import UNTUNED, Scalar


def fixed(space: SearchSpace, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """What a trial that waits is given.

    Args:
        space: What is searched.
        values: Of some of its keys.

    Returns:
        Dimension's name to value, for the dimensions that are active there and take it.
    """
    return {
        dimension.name: values[dimension.key]
        for dimension in space.dimensions
        if dimension.key in values
        and space.active(dimension, values)
        and _takes(dimension.domain, values[dimension.key])
    }


def ask(
    trial: optuna.Trial, space: SearchSpace, defaults: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """Asks for the parameters of a trial.

    Args:
        trial: Running.
        space: What is searched.
        defaults: Value of each key in the untuned default; the first trial keeps that of a key
            whose choices do not hold it.

    Returns:
        Key to value, for the dimensions that are active.
    """
    untuned = trial.number == UNTUNED
    parameters: dict[str, Scalar] = {}
    values = dict(defaults) if untuned else parameters
    for dimension in space.dimensions:
        if not space.active(dimension, values):
            continue
        if untuned and not _takes(dimension.domain, defaults.get(dimension.key)):
            continue
        value = _suggest(trial, dimension.name, dimension.domain)
        parameters[dimension.key] = values[dimension.key] = value
    return parameters


def _takes(domain: Domain, value: Scalar) -> bool:
    """Whether Optuna can store the value: any number for an interval, else one of the choices.

    A logarithmic interval takes what has a logarithm.
    """
    match domain:
        case Choice():
            return contains(domain, value)
        case IntInterval(log=log):
            return isinstance(value, int) and _has_place(value, log=log)
        case FloatInterval(log=log):
            return _has_place(value, log=log)


def _has_place(value: Scalar, *, log: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value > 0 or not log


def _suggest(trial: optuna.Trial, name: str, domain: Domain) -> Scalar:
    match domain:
        case Choice(values=values):
            return trial.suggest_categorical(name, values)
        case IntInterval(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatInterval(low=low, high=high, log=log):
            return trial.suggest_float(name, low, high, log=log)
