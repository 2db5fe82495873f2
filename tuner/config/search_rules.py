"""Rules for options of samplers and pruners, which Optuna checks late or not at all."""

from collections.abc import Iterator
from typing import Any

from tuner.config.rules import Rule
from tuner.fields.bounds import (
    SHARE,
    Bounds,
    Condition,
    above,
    at_least,
    between,
    one_of,
    whole,
)
from tuner.fields.findings import Finding
from tuner.settings.settings import AgentSettings

_NUMBER = Bounds(text="a number", open_low=True, open_high=True)
_ANY_SEED = Condition(text="a whole number", holds=lambda value: isinstance(value, int))
_PERCENT = Bounds(text="a number from 0 to 100", low=0, high=100)

_MOST_POINTS = 1_000

_MOST_RUNGS = 30
"""Largest number of rungs, at powers of `pruner.reduction_factor`; no trial has more points."""

RULES: tuple[Rule, ...] = (
    ("sampler.seed", _ANY_SEED),
    ("sampler.points_per_interval", between(1, _MOST_POINTS)),
    ("sampler.n_startup_trials", whole(0)),
    ("sampler.sigma0", above(0)),
    ("sampler.popsize", whole(2)),
    ("sampler.n_ei_candidates", whole(1)),
    ("sampler.population_size", whole(2)),
    ("sampler.mutation_prob", SHARE),
    ("sampler.crossover_prob", SHARE),
    ("sampler.swapping_prob", SHARE),
    ("sampler.qmc_type", one_of(("sobol", "halton"))),
    ("pruner.min_resource", whole(1)),
    ("pruner.max_resource", whole(1, "auto")),
    ("pruner.reduction_factor", whole(2)),
    ("pruner.min_early_stopping_rate", between(0, _MOST_RUNGS)),
    ("pruner.bootstrap_count", whole(0)),
    ("pruner.n_startup_trials", whole(0)),
    ("pruner.n_warmup_steps", whole(0)),
    ("pruner.interval_steps", whole(1)),
    ("pruner.n_min_trials", whole(1)),
    ("pruner.patience", whole(0)),
    ("pruner.min_delta", at_least(0)),
    ("pruner.percentile", _PERCENT),
    ("pruner.threshold", SHARE),
    ("pruner.lower", _NUMBER),
    ("pruner.upper", _NUMBER),
)


def resources(settings: AgentSettings) -> Iterator[Finding]:
    """Yield a smallest resource above the largest, for which Hyperband makes no bracket."""
    low: Any = settings.pruner.get("min_resource")
    high: Any = settings.pruner.get("max_resource")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield Finding(
            key="pruner.min_resource",
            value=low,
            remedy=f"pruner.min_resource={high}, at most max_resource",
        )
