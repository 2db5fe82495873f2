"""The search space in Optuna's terms: enqueued values, and suggested parameters."""

import math
from collections.abc import Mapping

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuner.search.domain import (
    OUTSIDE,
    Choice,
    Domain,
    FloatInterval,
    IntInterval,
    Outside,
    member,
)
from tuner.search.space import SearchSpace, Values
from tuner.trial.records import UNTUNED, Scalar

Named = Mapping[str, Scalar]
"""Name of a dimension to its value."""


def distribution(domain: Domain) -> BaseDistribution:
    """Return Optuna's form of a domain."""
    match domain:
        case Choice(values=values):
            return CategoricalDistribution(values)
        case IntInterval(low=low, high=high, step=step, log=log):
            return IntDistribution(low, high, step=step, log=log)
        case FloatInterval(low=low, high=high, log=log):
            return FloatDistribution(low, high, log=log)


def fixed(space: SearchSpace, values: Values) -> dict[str, Scalar]:
    """Return the values that a trial is enqueued with.

    Args:
        space: Search space of the study.
        values: Values of some of its keys.

    Returns:
        Dimension's name to value, for the active dimensions whose domain can store it.
    """
    found = {
        dimension.name: _stored(dimension.domain, values[dimension.key])
        for dimension in space.dimensions
        if dimension.key in values and space.active(dimension, values)
    }
    return {name: value for name, value in found.items() if value is not OUTSIDE}


def by_key(space: SearchSpace, named: Named) -> dict[str, Scalar]:
    """Return Optuna's parameters of a trial by the keys of the space, without foreign ones."""
    keys = {dimension.name: dimension.key for dimension in space.dimensions}
    return {keys[name]: value for name, value in named.items() if name in keys}


def complete(space: SearchSpace, named: Named) -> dict[str, Scalar] | None:
    """Return the parameters by key if nothing is left to draw; else None.

    Args:
        space: Search space of the study.
        named: Values that a trial was enqueued with.
    """
    parameters: dict[str, Scalar] = {}
    for dimension in space.dimensions:
        if space.active(dimension, parameters):
            only = single(dimension.domain)
            if dimension.name not in named and only is OUTSIDE:
                return None
            value = named.get(dimension.name, None if only is OUTSIDE else only)
            parameters[dimension.key] = value
    return parameters


def single(domain: Domain) -> Scalar | Outside:
    """Return the only value of a domain, which no sampler draws; `OUTSIDE` where it has more."""
    if isinstance(domain, Choice) and len(domain.values) == 1:
        return domain.values[0]
    return OUTSIDE


def ask(trial: optuna.Trial, space: SearchSpace, defaults: Values) -> dict[str, Scalar]:
    """Ask Optuna for the parameters of a trial.

    Args:
        trial: Running trial of Optuna.
        space: Search space of the study.
        defaults: Value of each key in the untuned default; the first trial keeps the values that
            Optuna cannot store.

    Returns:
        Key to value, for the active dimensions.
    """
    is_untuned = trial.number == UNTUNED
    parameters: dict[str, Scalar] = {}
    values = dict(defaults) if is_untuned else parameters
    for dimension in space.dimensions:
        if not space.active(dimension, values):
            continue
        if is_untuned and dimension.key not in defaults:
            continue
        if is_untuned and _stored(dimension.domain, defaults[dimension.key]) is OUTSIDE:
            parameters[dimension.key] = defaults[dimension.key]
            continue
        value = _suggest(trial, dimension.name, dimension.domain)
        parameters[dimension.key] = values[dimension.key] = value
    return parameters


def _stored(domain: Domain, value: Scalar) -> Scalar | Outside:
    """Return a value as Optuna stores it; `OUTSIDE` if its domain cannot store it.

    A choice takes its own values, an interval any number, a logarithmic one any positive number,
    and a whole-number interval any whole number.
    """
    found = member(domain, value)
    if found is not OUTSIDE or isinstance(domain, Choice):
        return found
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return OUTSIDE
    if domain.log and value <= 0:
        return OUTSIDE
    if isinstance(domain, FloatInterval):
        return float(value)
    return int(value) if value == int(value) else OUTSIDE


def _suggest(trial: optuna.Trial, name: str, domain: Domain) -> Scalar:
    match domain:
        case Choice(values=values):
            return trial.suggest_categorical(name, values)
        case IntInterval(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatInterval(low=low, high=high, log=log):
            return trial.suggest_float(name, low, high, log=log)
