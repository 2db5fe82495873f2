"""Ways to search that benchmarks/search.py compares: sampler, pruner, first trials."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from factorial import POINTS, RATE, REFERENCE_BATCH
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.pruners import SuccessiveHalvingPruner as Asha
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler

from tuner.search.goals import goals
from tuner.settings.objectives import measured_scores
from tuner.study.strategies import ExtrapolationPruner
from tuner.tasks import Classification


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to search.

    Attributes:
        sampler: Seed to sampler.
        pruner: Makes the pruner.
        first: Configurations that are tried first, in the space's own keys.
    """

    sampler: Callable[[int], BaseSampler]
    pruner: Callable[[], BasePruner] = NopPruner
    first: tuple[Mapping[str, Any], ...] = ()


def tpe(seed: int, **options: Any) -> BaseSampler:
    """Optuna's, with some options."""
    return TPESampler(seed=seed, **options)


def start(rate: float, batch: int, schedule: str = "linear") -> dict[str, Any]:
    """A configuration with AdamW."""
    return {
        "optimizer": "adamw",
        f"adamw {RATE}": rate,
        "schedule": schedule,
        "training.batch_size": batch,
        "training.accumulation_steps": 1,
    }


ACCURACY = goals(["val_accuracy"], {}, measured_scores(Classification))
DEFAULT = start(5e-5, REFERENCE_BATCH)
LITERATURE = (DEFAULT, start(2e-5, 16), start(3e-5, 32), start(1e-4, 16), start(1e-4, 32))
"""Devlin 2019 and Liu 2019 (2e-5 to 5e-5 at 16 and 32), and the higher rates of small encoders."""

PUBLISHED = (DEFAULT, start(1e-4, 16), start(3e-4, 32))
"""Trial 0, and what the product takes of Turc 2019 for small encoders."""

GROUPED = {"multivariate": True, "group": True}
METHODS: Mapping[str, Method] = {
    "random": Method(sampler=RandomSampler),
    "random, asha 2": Method(sampler=RandomSampler, pruner=lambda: Asha(1, 2)),
    "tpe, median (Optuna's defaults)": Method(sampler=tpe, pruner=MedianPruner),
    "tpe": Method(sampler=tpe),
    "tpe, asha 2": Method(sampler=tpe, pruner=lambda: Asha(1, 2)),
    "tpe, asha 2, default first": Method(sampler=tpe, pruner=lambda: Asha(1, 2), first=(DEFAULT,)),
    "tpe, asha 3, default first": Method(sampler=tpe, pruner=lambda: Asha(1, 3), first=(DEFAULT,)),
    "tpe, asha 4, default first": Method(sampler=tpe, pruner=lambda: Asha(1, 4), first=(DEFAULT,)),
    "tpe, hyperband 3, default first": Method(
        sampler=tpe, pruner=lambda: HyperbandPruner(1, POINTS, 3), first=(DEFAULT,)
    ),
    "tpe grouped, asha 2, default first": Method(
        sampler=partial(tpe, **GROUPED), pruner=lambda: Asha(1, 2), first=(DEFAULT,)
    ),
    "tpe, 5 at random, asha 2, default first": Method(
        sampler=partial(tpe, n_startup_trials=5), pruner=lambda: Asha(1, 2), first=(DEFAULT,)
    ),
    "tpe grouped, 5 at random, asha 2, default first": Method(
        sampler=partial(tpe, n_startup_trials=5, **GROUPED),
        pruner=lambda: Asha(1, 2),
        first=(DEFAULT,),
    ),
    "tpe, asha 2, literature first": Method(
        sampler=tpe, pruner=lambda: Asha(1, 2), first=LITERATURE
    ),
    "tpe grouped, 5 at random, asha 2, literature first": Method(
        sampler=partial(tpe, n_startup_trials=5, **GROUPED),
        pruner=lambda: Asha(1, 2),
        first=LITERATURE,
    ),
    "tpe grouped, 5 at random, asha 3, literature first": Method(
        sampler=partial(tpe, n_startup_trials=5, **GROUPED),
        pruner=lambda: Asha(1, 3),
        first=LITERATURE,
    ),
    "qmc, asha 2, default first": Method(
        sampler=lambda seed: QMCSampler(seed=seed, scramble=True),
        pruner=lambda: Asha(1, 2),
        first=(DEFAULT,),
    ),
    "tpe, extrapolation 0.02, default first": Method(
        sampler=tpe, pruner=lambda: ExtrapolationPruner(ACCURACY, 0.02), first=(DEFAULT,)
    ),
    "tpe, extrapolation 0.05, default first": Method(
        sampler=tpe, pruner=lambda: ExtrapolationPruner(ACCURACY, 0.05), first=(DEFAULT,)
    ),
    "tpe, extrapolation 0.01, default first": Method(
        sampler=tpe, pruner=lambda: ExtrapolationPruner(ACCURACY, 0.01), first=(DEFAULT,)
    ),
    "tpe grouped, 5 at random, extrapolation 0.02, default first": Method(
        sampler=partial(tpe, n_startup_trials=5, **GROUPED),
        pruner=lambda: ExtrapolationPruner(ACCURACY, 0.02),
        first=(DEFAULT,),
    ),
    "tpe, 5 at random, extrapolation 0.02, default first": Method(
        sampler=partial(tpe, n_startup_trials=5),
        pruner=lambda: ExtrapolationPruner(ACCURACY, 0.02),
        first=(DEFAULT,),
    ),
    "tpe, extrapolation 0.02, literature first": Method(
        sampler=tpe, pruner=lambda: ExtrapolationPruner(ACCURACY, 0.02), first=LITERATURE
    ),
    "tpe grouped, 5 at random, extrapolation 0.02, literature first": Method(
        sampler=partial(tpe, n_startup_trials=5, **GROUPED),
        pruner=lambda: ExtrapolationPruner(ACCURACY, 0.02),
        first=LITERATURE,
    ),
    "tpe grouped, 5 at random, extrapolation 0.02, small BERTs' first (ours)": Method(
        sampler=partial(tpe, n_startup_trials=5, **GROUPED),
        pruner=lambda: ExtrapolationPruner(ACCURACY, 0.02),
        first=PUBLISHED,
    ),
    "random, extrapolation 0.02": Method(
        sampler=RandomSampler, pruner=lambda: ExtrapolationPruner(ACCURACY, 0.02)
    ),
}
