"""Trials that learn: converged, still improving, stuck on a plateau."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from tests.diagnosis.generated_curves.plan import Array, Plan, draw
from tests.diagnosis.generated_curves.story import (
    Curve1D,
    Story,
    known_by_heart,
    levelling,
    logistic_fall,
)


def converged_easy(rng: Generator) -> tuple[Plan, Story]:
    plan = draw(rng)
    end = plan.uniform(0.02, 0.12)
    gap = end * plan.uniform(0.0, 0.8) if plan.epochs > 1 else 0.0
    return plan, levelling(plan, end, gap, plan.uniform(0.1, 0.55))


def converged_ordinary(rng: Generator) -> tuple[Plan, Story]:
    plan = draw(rng)
    end = plan.uniform(0.15, 0.45)
    gap = end * plan.uniform(0.2, 0.7) if plan.epochs > 1 else end * plan.uniform(-0.05, 0.05)
    return plan, levelling(plan, end, gap, plan.uniform(0.1, 0.55))


def converged_hard(rng: Generator) -> tuple[Plan, Story]:
    """Hard data: the loss ends high, though training got well below it."""
    plan = draw(rng, epochs=(2, 3, 4), labels=("two", "seven", "seven uneven", "many"))
    end = plan.uniform(0.5, 0.7)
    return plan, levelling(plan, end, end - plan.uniform(0.2, 0.42), plan.uniform(0.1, 0.5))


def _progressing(plan: Plan, gain: Curve1D, end: float, gap: float) -> Story:
    """From the guess to `end` at the last point seen, along `gain` from 0 to 1."""
    start = plan.uniform(1.0, 1.03)
    last = plan.seen / plan.points

    def val(t: Array) -> Array:
        share = gain(np.minimum(t / last, 1.0)) / gain(np.ones(1))
        return start - (start - end) * share

    train = val(plan.within) - gap * known_by_heart(plan.epochs, plan.within)
    ends = val(np.array([2 / 3, 1.0]) * last)
    return Story(
        val=val(plan.at),
        train=np.maximum(train, 0.01),
        trend=float(ends[0] - ends[1]),
        margin=1.0 - end,
    )


def _gain(rng: Generator, end_rate: float = 0.7) -> Curve1D:
    """Progress still under way at the end: the time constant is at least `end_rate`."""
    if rng.random() < 0.3:
        power = float(rng.uniform(0.7, 1.4))
        return lambda u: u**power
    constant = float(rng.uniform(end_rate, 2.0))
    return lambda u: 1.0 - np.exp(-u / constant)


def improving_slow(rng: Generator) -> tuple[Plan, Story]:
    """A rate too small for the budget; a rate that ends above 0, else the fall would die out."""
    plan = draw(rng, rate_kind="slow", schedules=("constant", "linear"), end_fraction=0.4)
    end = plan.uniform(0.25, 0.75)
    gap = end * plan.uniform(0.0, 0.3) if plan.epochs > 1 else 0.0
    return plan, _progressing(plan, _gain(rng), end, gap)


def improving_late(rng: Generator) -> tuple[Plan, Story]:
    """Long at the constant guess's loss, then falling."""
    plan = draw(
        rng,
        rate_kind="slow",
        schedules=("constant", "linear"),
        end_fraction=0.4,
        points=(8, 10, 15, 20, 30),
        labels=("two", "seven", "seven uneven", "many"),
    )
    fall = logistic_fall(plan.uniform(0.75, 0.95), plan.uniform(0.08, 0.15))
    return plan, _progressing(plan, lambda u: 1.0 - fall(u), plan.uniform(0.35, 0.75), 0.0)


def improving_cut_off(rng: Generator) -> tuple[Plan, Story]:
    """Pruned on its way."""
    plan = draw(
        rng,
        points=(8, 10, 10, 15, 20, 30),
        seen_share=(0.4, 0.7),
        cut_off_chance=1.0,
    )
    return plan, _progressing(plan, _gain(rng), plan.uniform(0.25, 0.8), 0.0)


def _stuck(plan: Plan, level_at: float, **training: Any) -> Story:
    """Takes away little and stops; training loss stays as high."""
    level = plan.uniform(0.75, 0.89)
    story = levelling(plan, level, plan.uniform(-0.02, 0.03), level_at)
    return replace(
        story,
        wander=plan.uniform(0.002, 0.006),
        margin=0.7 * (1.0 - level),  # so little has to stand out the more
        training=training,
    )


def plateaued_early(rng: Generator) -> tuple[Plan, Story]:
    plan = draw(rng)
    return plan, _stuck(plan, plan.uniform(0.08, 0.3))


def plateaued_gradual(rng: Generator) -> tuple[Plan, Story]:
    plan = draw(rng)
    return plan, _stuck(plan, plan.uniform(0.35, 0.55))


def plateaued_frozen(rng: Generator) -> tuple[Plan, Story]:
    """A frozen encoder: the head alone can do no more."""
    plan = draw(rng, labels=("two", "seven", "many", "80 %"))
    return plan, _stuck(plan, plan.uniform(0.15, 0.5), freeze_layers=12)
