"""Trials that never beat the constant guess."""

import numpy as np
from numpy.random import Generator

from tests.diagnosis.generated_curves.plan import BALANCED, FINE, Array, Plan, draw
from tests.diagnosis.generated_curves.story import Story, heights


def _flat_training(plan: Plan, excess: float) -> Array:
    return np.full((plan.points, FINE), 1.0 + excess)


def rate_too_low(rng: Generator) -> tuple[Plan, Story]:
    """Nothing moves; what the new head was worse than the guess goes slowly if at all."""
    plan = draw(
        rng,
        rate_kind="low",
        labels=BALANCED,
        seen_share=(0.6, 0.9),
        cut_off_chance=0.25,
    )
    excess = plan.uniform(0.004, 0.035)
    settled = excess * plan.uniform(0.0, 0.4)

    def loss(t: Array) -> Array:
        return 1.0 + excess - settled * t

    story = Story(
        val=loss(plan.at),
        train=loss(plan.within) + plan.uniform(-0.002, 0.01),  # dropout makes it a bit worse
        skill=np.zeros(plan.points),
        wander=plan.uniform(0.0, 0.001),
        stays_above=True,
    )
    return plan, story


def collapsed(rng: Generator) -> tuple[Plan, Story]:
    """The rate threw the model off in the first updates; one label ever since."""
    plan = draw(rng, rate_kind="high", seen_share=(0.6, 0.9), cut_off_chance=0.25)
    jump, decay = plan.uniform(0.4, 2.5), plan.uniform(0.03, 0.12)
    hover = plan.uniform(0.005, 0.03)
    # Warm-up lets the loss be as it was before the jump.
    begin = plan.schedule["warmup_fraction"] * 0.4

    def thrown(t: Array) -> Array:
        return np.where(t < begin, 0.0, jump * np.exp(-(t - begin) / decay))

    story = Story(
        val=1.0 + thrown(plan.at) + heights(plan, hover),
        train=1.0 + thrown(plan.within) + hover * plan.uniform(0.7, 1.5),
        collapsed=np.ones(plan.points, dtype=bool),
        wander=0.0,
        restless=1.5,
        weight_factor=plan.at**-0.4,  # most of it happened at the jump
        grad_factor=0.3 + 3.0 * thrown(plan.at),
        stays_above=True,
    )
    return plan, story


def degenerate(rng: Generator) -> tuple[Plan, Story]:
    """A brisk rate and no luck: at the guess from the first point on, one label."""
    plan = draw(rng, rate_kind="brisk", labels=("two", "two", "seven", "seven uneven"))
    hover = plan.uniform(0.003, 0.02)
    story = Story(
        val=1.0 + heights(plan, hover),
        train=_flat_training(plan, hover),
        collapsed=np.asarray(rng.random(plan.points) < 0.85),
        skill=np.zeros(plan.points),
        wander=0.0,
        grad_factor=np.full(plan.points, 0.5),
        stays_above=True,
    )
    return plan, story


def majority_only(rng: Generator) -> tuple[Plan, Story]:
    """Imbalanced labels: the frequent one is predicted always."""
    plan = draw(rng, labels=("90 %", "90 %", "80 %"))
    excess, decay = plan.uniform(0.0, 0.12), plan.uniform(0.05, 0.3)

    def settling(t: Array) -> Array:
        return 1.004 + excess * np.exp(-t / decay)

    story = Story(
        val=settling(plan.at) + heights(plan, 0.01),
        train=settling(plan.within) + 0.01,
        collapsed=np.ones(plan.points, dtype=bool),
        wander=0.0,
        stays_above=True,
    )
    return plan, story


def shuffled_once(rng: Generator) -> tuple[Plan, Story]:
    """Labels that have nothing to do with the texts, in one pass: nothing to memorise twice."""
    plan = draw(rng, epochs=(1,), labels=BALANCED, train_rows=(2000, 40000))
    hover = plan.uniform(0.006, 0.025)
    story = Story(
        val=1.004 + heights(plan, hover),
        train=_flat_training(plan, plan.uniform(0.004, 0.02)),
        skill=np.zeros(plan.points),
        wander=0.0,
        stays_above=True,
    )
    return plan, story
