"""True course of a trial before sampling noise, and its shapes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tests.diagnosis.generated_curves.plan import Array, Plan, pick

Curve1D = Callable[[Array], Array]


@dataclass(frozen=True, kw_only=True)
class Story:
    """True course before sampling noise; losses as shares of the baseline's.

    Attributes:
        val: Validation loss at each point.
        train: Training loss between the points, of the shape of `Plan.within`.
        skill: Matthews correlation at each point; None: follows from `val`.
        collapsed: Points at which one label is predicted for every row.
        wander: Standard deviation of the model's own restlessness from point to point.
        restless: Factor on the spread of the losses of updates.
        weight_factor: Factor on the weights' distance, at each point.
        grad_factor: Factor on the gradients' norm, at each point.
        trend: Smallest movement that has to be seen; None: there is none.
        margin: Distance from the constant guess that has to be seen; None: there is none.
        stays_above: Validation loss never gets better than the guess's, noise and all.
        training: Settings of the group `training` that belong to the story.
    """

    val: Array
    train: Array
    skill: Array | None = None
    collapsed: NDArray[np.bool_] | None = None
    wander: float = 0.004
    restless: float = 1.0
    weight_factor: Array | None = None
    grad_factor: Array | None = None
    trend: float | None = None
    margin: float | None = None
    stays_above: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)


def descent(rng: Generator, level_at: float) -> Curve1D:
    """A fall from 1 to about 0.01 at `level_at` and less after it: one of three shapes."""
    shape = pick(rng, ("exponential", "sharp start", "late start"))
    if shape == "exponential":
        return lambda t: np.exp(-4.5 * t / level_at)
    if shape == "sharp start":
        return lambda t: np.exp(-4.5 * (t / level_at) ** 0.6)
    middle = level_at * float(rng.uniform(0.3, 0.6))
    return logistic_fall(middle, (level_at - middle) / 4.5)


def logistic_fall(middle: float, width: float) -> Curve1D:
    """From 1 at the beginning to 0, half of it at `middle`."""
    top = 1.0 / (1.0 + math.exp(-middle / width))
    return lambda t: 1.0 / (1.0 + np.exp((t - middle) / width)) / top


def known_by_heart(epochs: int, t: Array) -> Array:
    """Degree to which the training rows are memorised, 0 to 1: grows smoothly and per pass."""
    smooth = (1.0 - np.exp(-4.0 * t)) / (1.0 - math.exp(-4.0))
    if epochs < 2:
        return smooth
    passes = np.floor(np.minimum(t * epochs, epochs - 1e-9))
    return 0.5 * smooth + 0.5 * passes / (epochs - 1)


def removed(share: Array) -> Array:
    """The part of the constant guess's loss that is gone."""
    return np.clip(1.0 - share, 0.0, 1.0)


def skill_of(plan: Plan, val: Array) -> Array:
    return removed(val) ** plan.labels.skill_exponent


def levelling(plan: Plan, end: float, gap: float, level_at: float) -> Story:
    """Falls from the guess to `end`, level from `level_at`; training ends `gap` below it."""
    start = plan.uniform(1.0, 1.04)  # a new head is a little worse than the guess
    fall = descent(plan.rng, level_at)

    def val(t: Array) -> Array:
        return end + (start - end) * fall(t)

    train = np.maximum(val(plan.within) - gap * known_by_heart(plan.epochs, plan.within), 0.004)
    return Story(
        val=val(plan.at),
        train=train,
        wander=plan.uniform(0.002, 0.008) * max(end, 0.1) ** 0.5,
        trend=start - end,
        margin=1.0 - end,
    )


def heights(plan: Plan, size: float) -> Array:
    """Random heights above the constant guess, typically `size`, one for each point."""
    return np.abs(plan.rng.normal(0.0, size, plan.points))
