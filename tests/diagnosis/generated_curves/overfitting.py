"""Trials that learn their training rows by heart."""

import math

import numpy as np
from numpy.random import Generator

from tests.diagnosis.generated_curves.plan import BALANCED, Array, Plan, draw, log_uniform
from tests.diagnosis.generated_curves.story import (
    Story,
    descent,
    known_by_heart,
    logistic_fall,
    removed,
    skill_of,
)


def _memorising_train(plan: Plan, end: float) -> Array:
    """Training loss that goes on falling, faster at the begin of each pass."""
    speed = plan.uniform(1.5, 4.0)
    smooth = (1.0 - np.exp(-speed * plan.within)) / (1.0 - math.exp(-speed))
    stepped = known_by_heart(plan.epochs, plan.within)
    return 1.0 - (1.0 - end) * (0.6 * smooth + 0.4 * stepped)


def _rising(plan: Plan, trough: float) -> Story:
    """The validation loss falls until `trough` and rises until the end."""
    bottom = plan.uniform(0.15, 0.65)
    rise = log_uniform(plan.rng, 0.15, 1.3)
    fall = descent(plan.rng, trough)
    climbed = np.clip((plan.at - trough) / (1.0 - trough), 0.0, 1.0)
    if plan.rng.random() < 0.5:  # slower towards the end, as the rate decays
        bend = plan.uniform(0.5, 2.0)
        climbed = (1.0 - np.exp(-bend * climbed)) / (1.0 - math.exp(-bend))
    else:
        climbed = climbed ** plan.uniform(0.8, 1.6)
    val = bottom + (1.0 - bottom) * fall(plan.at) + rise * climbed
    best = skill_of(plan, np.minimum.accumulate(val))
    return Story(
        val=val,
        train=_memorising_train(plan, bottom * plan.uniform(0.05, 0.4)),
        skill=best * (1.0 - plan.uniform(0.0, 0.12) * climbed),
        trend=min(rise, 1.0 - bottom),
        margin=1.0 - bottom,
    )


def overfitting_rising(rng: Generator) -> tuple[Plan, Story]:
    plan = draw(rng, epochs=(3, 4, 5, 8, 10), train_rows=(300, 8000))
    return plan, _rising(plan, plan.uniform(0.2, 0.5))


def overfitting_at_once(rng: Generator) -> tuple[Plan, Story]:
    """Best at the first or second point; what came before it was not seen."""
    plan = draw(rng, epochs=(4, 5, 8, 10), train_rows=(300, 8000))
    return plan, _rising(plan, plan.uniform(0.6, 1.2) / plan.points)


def _memorised(plan: Plan, train: Array) -> Story:
    """The more is known by heart, the worse the surely wrong answers on other rows."""
    excess = log_uniform(plan.rng, 0.3, 2.0)
    known = removed(train[:, -1])
    return Story(
        val=1.005 + excess * known ** plan.uniform(1.0, 1.4),
        train=train,
        skill=np.zeros(plan.points),
        wander=0.01,
        trend=excess * float(known[-1]),
        margin=excess * float(known[-1]),
        stays_above=True,
    )


def few_examples(rng: Generator) -> tuple[Plan, Story]:
    plan = draw(rng, labels=BALANCED, epochs=(10, 15, 20, 40), train_rows=(40, 300))
    return plan, _memorised(plan, _memorising_train(plan, plan.uniform(0.01, 0.3)))


def shuffled_often(rng: Generator) -> tuple[Plan, Story]:
    """Labels that have nothing to do with the texts: no progress at first, then by heart."""
    plan = draw(rng, labels=BALANCED, epochs=(8, 10, 15, 20), train_rows=(200, 3000))
    fall = logistic_fall(plan.uniform(0.3, 0.6), plan.uniform(0.07, 0.13))
    end = plan.uniform(0.02, 0.4)
    return plan, _memorised(plan, end + (1.0 - end) * fall(plan.within))
