"""Trials whose losses blow up; and reports in which a figure breaks."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from tests.diagnosis.generated_curves.plan import Array, Plan, draw, log_uniform
from tests.diagnosis.generated_curves.story import Story, descent, levelling
from tuner.trial.records import Report


def _blown_up(rng: Generator, event: float) -> tuple[Plan, Story]:
    """From `event` on the losses are many times the guess's, and stay there."""
    plan = draw(rng, rate_kind="high", schedules=("constant", "linear"), end_fraction=0.3)
    height, drift = log_uniform(rng, 9.0, 60.0), plan.uniform(0.0, 0.4)
    level = plan.uniform(0.4, 0.9)
    fall = descent(rng, 0.3)
    factors = rng.uniform(0.8, 1.25, plan.points)
    height = height * np.exp(-drift * np.maximum(plan.at - event, 0.0))  # may come down a little

    def loss(t: Array, tall: Array | float) -> Array:
        return np.where(t < event, level + (1.0 - level) * fall(t), tall)

    after = plan.at >= event
    story = Story(
        val=loss(plan.at, height * rng.permutation(factors)),
        train=loss(plan.within, (height * factors)[:, None]),
        collapsed=after,
        weight_factor=np.where(after, plan.uniform(2.0, 10.0), 1.0),
        grad_factor=np.where(after, plan.uniform(5.0, 100.0), 1.0),
        wander=0.01,
        restless=2.0,
        training={"clip_norm": None} if rng.random() < 0.5 else {},
    )
    return plan, story


def blown_up_early(rng: Generator) -> tuple[Plan, Story]:
    return _blown_up(rng, float(rng.uniform(0.01, 0.15)))


def blown_up_late(rng: Generator) -> tuple[Plan, Story]:
    return _blown_up(rng, float(rng.uniform(0.3, 0.6)))


def before_the_break(rng: Generator) -> tuple[Plan, Story]:
    """Good steps, for a figure to break in."""
    plan = draw(rng, rate_kind="brisk")
    story = levelling(plan, plan.uniform(0.2, 0.7), 0.0, plan.uniform(0.3, 0.9))
    return plan, replace(story, trend=None, margin=None)


def _poison(plan: Plan, report: Report, *, train: bool = True) -> Report:
    """A report with NaN weights: one predicted label, no loss."""
    nan = math.nan
    chance = plan.labels.guess.score
    changed: dict[str, Any] = {}
    if train:
        changed = {"train_loss": nan, "train_loss_std": nan, "train_loss_max": nan}
    return replace(
        report,
        **changed,
        grad_norm=nan,
        weight_change=nan,
        val_loss=nan,
        majority_share=1.0,
        metrics={
            "val_accuracy": chance,
            "val_macro_f1": plan.labels.one_label_f1,
            "val_mcc": 0.0,
        },
        fixed=replace(
            report.fixed,
            loss=nan,
            loss_error=nan,
            score=chance,
            association=0.0,
            majority_share=1.0,
        ),
    )


def _break_from(rng: Generator, reports: Sequence[Report]) -> int:
    """Index of the report where it breaks; two are good before it."""
    return int(rng.integers(2, len(reports)))


def all_nan(plan: Plan, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """NaN from some point on; half of the trials end there."""
    at = _break_from(plan.rng, reports)
    broken = [_poison(plan, report) for report in reports[at:]]
    if plan.rng.random() < 0.5:
        broken = broken[:1]
    return (*reports[:at], *broken)


def nan_at_last_update(plan: Plan, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """The last update before a point broke the weights: the training loss is still finite."""
    at = _break_from(plan.rng, reports)
    return (*reports[:at], _poison(plan, reports[at], train=False))


def infinite_training(plan: Plan, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """The loss of one update overflowed; the model may have gone on."""
    at = _break_from(plan.rng, reports)
    broken = replace(
        reports[at], train_loss=math.inf, train_loss_std=math.nan, train_loss_max=math.inf
    )
    after = reports[at + 1 :] if plan.rng.random() < 0.5 else ()
    return (*reports[:at], broken, *after)


def infinite_validation(plan: Plan, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """The loss of one validation row overflowed."""
    at = _break_from(plan.rng, reports)
    fixed = replace(reports[at].fixed, loss=math.inf, loss_error=math.nan)
    return (
        *reports[:at],
        replace(reports[at], val_loss=math.inf, fixed=fixed),
        *reports[at + 1 :],
    )
