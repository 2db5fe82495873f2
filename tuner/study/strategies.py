"""Samplers and pruners by their names in conf/sampler and conf/pruner."""

import importlib.util
import math
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from tuner.errors import InputError
from tuner.formatting.suggestion import one_of
from tuner.installation.remedies import install_extra
from tuner.search.extrapolation import Forecast, chance_undominated, forecast, noise
from tuner.search.goals import Goals
from tuner.search.pareto import undominated
from tuner.settings.objectives import sign as turn
from tuner.study.curves import curve

_EXTRAS = {"gp": ("torch", "gp")}
"""Samplers that need a heavy package: its import name, and our extra that installs it."""


class ExtrapolationPruner(BasePruner):
    """Prunes trials that are unlikely to become best; see tuner.search.extrapolation.

    Those are trials that a completed trial will dominate (with one objective: that will not exceed
    the best), and trials that will miss a constraint.

    Args:
        goals: Goals of the study.
        threshold: Smallest chance with which a trial continues, 0 to 1.

    Raises:
        ValueError: The threshold is not between 0 and 1.
    """

    def __init__(self, goals: Goals, threshold: float) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}, which is not a probability from 0 to 1")
        self._goals, self._threshold = goals, threshold

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return True if the trial's chance is too small; False before a first trial completed."""
        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not completed:
            return False
        signs = list(map(turn, self._goals.directions))
        named = zip(self._goals.objectives, signs, strict=True)
        ends = [_end(trial, completed, name, sign) for name, sign in named]
        kept = [each for each in completed if not any(v > 0 for v in each.constraints.values())]
        rivals = undominated(
            tuple(sign * value for sign, value in zip(signs, each.values, strict=True))
            for each in kept
        )
        chances = [chance_undominated(ends, rivals)]
        for bound in self._goals.constraints:
            end = _end(trial, completed, bound.metric, bound.sign)
            chances.append(1.0 if end is None else end.above(bound.sign * bound.bound))
        return min(chances) < self._threshold


def _end(
    trial: FrozenTrial, completed: Sequence[FrozenTrial], metric: str, sign: float
) -> Forecast | None:
    """Forecast the end of the trial's curve of a metric from it and the completed curves."""
    curves = [found for each in completed if (found := _finite(each, metric, sign))]
    if not curves:
        return None
    own = _finite(trial, metric, sign)
    points = max(max(each) for each in curves)
    return forecast(own, points, noise([list(each.values()) for each in (*curves, own)]))


def _finite(trial: FrozenTrial, metric: str, sign: float) -> dict[int, float]:
    """Return finite values by evaluation point, in order; larger is better."""
    values = curve(trial, metric).items()
    return {point: sign * value for point, value in values if math.isfinite(value)}


_SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    # The points of a grid are taken one by one; this sampler completes partial enqueued points.
    "grid": lambda points_per_interval, seed: optuna.samplers.RandomSampler(seed),  # noqa: ARG005
    "cmaes": optuna.samplers.CmaEsSampler,
    "gp": optuna.samplers.GPSampler,
    "qmc": optuna.samplers.QMCSampler,
    "nsgaii": optuna.samplers.NSGAIISampler,
}

EXTRAPOLATION = "extrapolation"

_PRUNERS: dict[str, Callable[..., BasePruner]] = {
    "asha": optuna.pruners.SuccessiveHalvingPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
    "median": optuna.pruners.MedianPruner,
    "percentile": optuna.pruners.PercentilePruner,
    "patient": lambda **options: optuna.pruners.PatientPruner(None, **options),
    "threshold": optuna.pruners.ThresholdPruner,
    "none": optuna.pruners.NopPruner,
}


def build_sampler(group: Mapping[str, Any], opened: int, study: str = "") -> BaseSampler:
    """Return the sampler for the next opening of a study.

    Args:
        group: Group `sampler`: `name`, `seed` and Optuna's own options.
        opened: Number of times that the study was opened before. It changes the seed, because two
            samplers with one seed propose the same first points.
        study: Name of the study. It changes the seed, too, so that a second study does not draw
            the points of the first.

    Raises:
        InputError: The name or an option is unknown, or a package is not installed.
    """
    options = dict(group)
    name = options.pop("name", None)
    if name is not None and name in _EXTRAS and importlib.util.find_spec(_EXTRAS[name][0]) is None:
        package, extra = _EXTRAS[name]
        raise InputError(
            f"sampler={name} needs {package}, which is not installed",
            where="sampler",
            remedy=install_extra(extra),
        )
    if options.get("seed") is not None:
        own_seed = 1_000_003 * opened + zlib.crc32(study.encode())
        options["seed"] = (options["seed"] + own_seed) % 2**32
    sampler: BaseSampler = _build("sampler", _SAMPLERS, name, options)
    return sampler


def build_pruner(group: Mapping[str, Any], goals: Goals) -> BasePruner:
    """Return the pruner of group `pruner`.

    Args:
        group: Group `pruner`: `name` and the pruner's own options.
        goals: Goals of the study.

    Raises:
        InputError: The name or an option is unknown.
    """
    options = dict(group)
    name = options.pop("name", None)
    known = _PRUNERS | {EXTRAPOLATION: partial(ExtrapolationPruner, goals)}
    pruner: BasePruner = _build("pruner", known, name, options)
    return pruner


def _build(
    group: str, table: Mapping[str, Callable[..., Any]], name: str | None, options: dict[str, Any]
) -> Any:
    if name is None or name not in table:
        raise InputError(
            f"unknown {group} '{name}'", where=f"{group}.name", remedy=one_of(str(name), table)
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return table[name](**options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{group}={name} cannot be built: {error}", where=group) from error
