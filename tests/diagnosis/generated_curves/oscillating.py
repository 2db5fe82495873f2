"""Trials that learn and lose it again."""

import numpy as np
from numpy.random import Generator

from tests.diagnosis.generated_curves.plan import Array, Plan, draw
from tests.diagnosis.generated_curves.story import Story, descent, heights


def _zigzag(plan: Plan) -> Array:
    """Heights from -1 to 1 that change sides nearly every time (every time if few)."""
    sides = [1.0 if plan.rng.random() < 0.5 else -1.0]
    while len(sides) < plan.points:
        turns = plan.points <= 8 or sides[-1] in sides[-2:-1] or plan.rng.random() < 0.75
        sides.append(-sides[-1] if turns else sides[-1])
    return np.asarray(sides) * plan.rng.uniform(0.5, 1.0, plan.points)


def _between_points(plan: Plan, heights: Array) -> Array:
    """The heights at the points, joined by straight lines where training is reported."""
    return np.interp(
        plan.within.ravel(), np.concatenate([[0.0], plan.at]), np.concatenate([[0.0], heights])
    ).reshape(plan.within.shape)


def swinging(rng: Generator) -> tuple[Plan, Story]:
    """Too high a rate: each point finds the model elsewhere."""
    plan = draw(
        rng, rate_kind="brisk", schedules=("constant",), seen_share=(0.6, 0.9), cut_off_chance=0.25
    )
    size = plan.uniform(0.15, 0.35)
    level = plan.uniform(size + 0.1, 0.75)
    fall = descent(rng, plan.uniform(0.05, 0.2))
    zigzag = _zigzag(plan)
    # In the first points the swings come on top of the fall.
    val = np.maximum(level + (1.0 - level) * fall(plan.at) + size * zigzag, 0.05)
    train = level + (1.0 - level) * fall(plan.within)
    train = train + size * plan.uniform(0.2, 0.6) * _between_points(plan, rng.permutation(zigzag))
    story = Story(
        val=val,
        train=np.maximum(train, 0.05),
        wander=0.01,
        restless=2.0,
        grad_factor=rng.uniform(0.7, 3.0, plan.points),
        trend=size,
        margin=1.0 - level + size / 2,
    )
    return plan, story


def spiking(rng: Generator) -> tuple[Plan, Story]:
    """Good in between, thrown back to about the guess every second or third point."""
    plan = draw(rng, rate_kind="brisk", schedules=("constant",), points=(8, 10, 15, 20, 30))
    level = plan.uniform(0.25, 0.6)
    fall = descent(rng, plan.uniform(0.05, 0.2))
    spikes = np.zeros(plan.points)
    at = int(rng.integers(1, 3))
    while at < plan.points:
        spikes[at] = rng.uniform(0.55, 1.15)
        at += int(rng.integers(2, 4))
    height = spikes * (1.0 - level)
    train = level + (1.0 - level) * fall(plan.within)
    story = Story(
        val=level + (1.0 - level) * fall(plan.at) * (spikes == 0.0) + height,
        train=train + plan.uniform(0.3, 0.6) * height[:, None],
        collapsed=np.asarray(spikes > 1.0),
        wander=0.01,
        restless=2.5,
        grad_factor=1.0 + 3.0 * spikes,
        trend=0.5 * (1.0 - level),
        margin=1.0 - level,
    )
    return plan, story


def fell_back(rng: Generator) -> tuple[Plan, Story]:
    """Learned, then lost it all at once and never came back."""
    plan = draw(rng, rate_kind="brisk", schedules=("constant", "linear"), end_fraction=0.3)
    level = plan.uniform(0.2, 0.65)
    event = plan.uniform(0.42, 0.58)
    fall = descent(rng, plan.uniform(0.1, 0.35))
    jump, decay = plan.uniform(0.0, 0.5), plan.uniform(0.03, 0.08)
    hover = plan.uniform(0.005, 0.03)

    def lost(t: Array) -> Array:
        return 1.0 + jump * np.exp(-np.maximum(t - event, 0.0) / decay)

    def loss(t: Array, height: Array | float) -> Array:
        return np.where(t < event, level + (1.0 - level) * fall(t), lost(t) + height)

    after = plan.at >= event
    story = Story(
        val=loss(plan.at, heights(plan, hover)),
        train=loss(plan.within, hover),
        collapsed=after,
        weight_factor=np.where(after, plan.uniform(1.5, 4.0), 1.0),
        grad_factor=np.where(after, 0.4, 1.0),
        wander=0.003,
        trend=1.0 - level,
        margin=1.0 - level,
    )
    return plan, story
