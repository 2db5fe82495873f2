"""Samplers and pruners by their names in conf/sampler and conf/pruner: Optuna's, and our own."""

import importlib.util
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from tuner.core.extrapolation import chance_above, noise
from tuner.errors import InputError

_EXTRAS = {"gp": ("torch", "gp")}
"""Samplers that need a heavy package: its import name, and the extra of ours that brings it."""


class ExtrapolationPruner(BasePruner):
    """Stops what will hardly end above the best completed trial; see tuner.core.extrapolation.

    Args:
        threshold: Smallest chance with which a trial goes on, 0 to 1.

    Raises:
        ValueError: A threshold that is no chance.
    """

    def __init__(self, threshold: float) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}, which is no chance from 0 to 1")
        self._threshold = threshold

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the trial's chance is too small; never before a first trial completed."""
        sign = -1.0 if study.direction == StudyDirection.MINIMIZE else 1.0
        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        curves = [curve for each in completed if (curve := _curve(each, sign))]
        if not curves:
            return False
        own = _curve(trial, sign)
        best = max(sign * each.values[0] for each in completed)
        points = max(max(curve) for curve in curves)
        variance = noise([list(curve.values()) for curve in (*curves, own)])
        return chance_above(best, own, points, variance) < self._threshold


def _curve(trial: FrozenTrial, sign: float) -> dict[int, float]:
    """Evaluation point to finite value, in order; larger is better."""
    told = sorted(trial.intermediate_values.items())
    return {point: sign * value for point, value in told if math.isfinite(value)}


_SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    # The points of a grid wait in the study; what is drawn after them is random.
    "grid": lambda points_per_interval, seed: optuna.samplers.RandomSampler(seed),  # noqa: ARG005
    "cmaes": optuna.samplers.CmaEsSampler,
    "gp": optuna.samplers.GPSampler,
    "qmc": optuna.samplers.QMCSampler,
    "nsgaii": optuna.samplers.NSGAIISampler,
}

_PRUNERS: dict[str, Callable[..., BasePruner]] = {
    "asha": optuna.pruners.SuccessiveHalvingPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
    "median": optuna.pruners.MedianPruner,
    "percentile": optuna.pruners.PercentilePruner,
    "patient": lambda **options: optuna.pruners.PatientPruner(None, **options),
    "threshold": optuna.pruners.ThresholdPruner,
    "extrapolation": ExtrapolationPruner,
    "none": optuna.pruners.NopPruner,
}


def build_sampler(group: Mapping[str, Any], opened: int) -> BaseSampler:
    """The sampler that a study goes on with.

    Args:
        group: Group `sampler`: `name`, `seed` and Optuna's own options.
        opened: How often the study was opened before. The seed follows from it, because two
            samplers with one seed propose the same first points.

    Raises:
        InputError: Unknown name or option, or a package that is not installed.
    """
    options = dict(group)
    name = options.pop("name", None)
    if name is not None and name in _EXTRAS and importlib.util.find_spec(_EXTRAS[name][0]) is None:
        package, extra = _EXTRAS[name]
        raise InputError(
            f"sampler={name} needs {package}, which is not installed",
            where="sampler",
            remedy=f"pip install 'tuner[{extra}]'",
        )
    if options.get("seed") is not None:
        options["seed"] = (options["seed"] + 1_000_003 * opened) % 2**32
    sampler: BaseSampler = _build("sampler", _SAMPLERS, name, options)
    return sampler


def build_pruner(group: Mapping[str, Any]) -> BasePruner:
    """The pruner of group `pruner`: `name` and the pruner's own options.

    Raises:
        InputError: Unknown name or option.
    """
    options = dict(group)
    pruner: BasePruner = _build("pruner", _PRUNERS, options.pop("name", None), options)
    return pruner


def _build(
    group: str, table: Mapping[str, Callable[..., Any]], name: str | None, options: dict[str, Any]
) -> Any:
    if name is None or name not in table:
        raise InputError(
            f"unknown {group} '{name}'", where=f"{group}.name", remedy="one of " + ", ".join(table)
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return table[name](**options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{group}={name} can not be built: {error}", where=group) from error
