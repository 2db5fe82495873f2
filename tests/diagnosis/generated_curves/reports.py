"""From a story to reports: measured with noise, as a worker would."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tests.diagnosis.generated_curves.plan import (
    WEIGHT_CHANGES,
    Array,
    Plan,
    log_uniform,
    scheduled_share,
)
from tests.diagnosis.generated_curves.story import Story, skill_of
from tuner.trial.records import FixedRows, Report

TREND_ERRORS = 6.0
"""So many point-to-point errors must fit into the trend that makes a case what it is."""
MARGIN_ERRORS = 4.0
"""So many whole standard errors must fit into the distance from the constant guess."""


def _row_spread(loss: Array, confidence: Array) -> Array:
    """Standard deviation of the losses of rows, as far as learning makes them differ.

    Of a sure model with a mean loss of 0.3 nats they have one of about 0.65.
    """
    return 1.2 * np.sqrt(loss) * confidence


def _confidence(story: Story) -> Array:
    """0: the answers of a constant guess, 1: sure of each row."""
    train = story.train[:, -1]
    confidence = np.sqrt(np.clip(np.abs(1.0 - train), 0.005, 1.0))
    return confidence if story.collapsed is None else np.where(story.collapsed, 0.0, confidence)


def _clipped_normal(rng: Generator, size: int, limit: float) -> Array:
    return np.clip(rng.normal(size=size), -limit, limit)


def _disturbed(loss: Array, error: Array) -> Array:
    """The loss with the error added; never below 0, as downward errors of a small loss are."""
    share = error / loss
    return loss * np.where(share < 0.0, np.exp(np.minimum(share, 0.0)), 1.0 + share)


@dataclass(frozen=True, kw_only=True)
class _Scores:
    """Scores on a set of rows, one for each point."""

    loss: Array
    error: Array
    accuracy: Array
    mcc: Array
    majority: Array
    macro_f1: Array


def _majority(plan: Plan, skill: Array, collapsed: NDArray[np.bool_]) -> Array:
    """Share of the most frequent prediction: lopsided at first, as the labels are once learned."""
    lean = plan.uniform(0.2, 0.9) * (1.0 - skill) ** 2
    lean = np.clip(lean + np.abs(plan.rng.normal(0.0, 0.01, plan.points)), 0.0, 0.97)
    most = plan.labels.guess.score
    return np.where(collapsed, 1.0, most + (1.0 - most) * lean)


def _accuracy(plan: Plan, skill: Array, majority: Array, rows: int, offset: float) -> Array:
    """Accuracy on `rows` rows, in whole rows."""
    most = plan.labels.guess.score
    true = most + (1.0 - most) * skill**plan.labels.accuracy_exponent
    # Few predictions of other labels: few rows on which luck decides.
    luck = np.minimum(1.0, 2.0 * (1.0 - majority) / (1.0 - most))
    error = np.sqrt(true * (1.0 - true) / rows) * luck
    fresh = plan.fresh * _clipped_normal(plan.rng, plan.points, 2.5)
    return np.round(np.clip(true + error * (offset + fresh), 0.0, 1.0) * rows) / rows


def _scores(plan: Plan, story: Story, rows: int, offsets: tuple[float, float]) -> _Scores:
    """Evaluation on `rows` rows; `offsets` are the errors that all points share."""
    rng, labels = plan.rng, plan.labels
    collapsed = np.zeros(plan.points, bool) if story.collapsed is None else story.collapsed
    confidence = _confidence(story)
    nats = story.val * labels.guess.loss
    spread = _row_spread(nats, confidence)
    shaken = story.wander * labels.guess.loss * _clipped_normal(rng, plan.points, 2.5)
    fresh = plan.fresh * _clipped_normal(rng, plan.points, 2.5)
    loss = _disturbed(nats, shaken + spread / math.sqrt(rows) * (offsets[0] + fresh))
    skill = skill_of(plan, story.val) if story.skill is None else story.skill
    skill = np.where(collapsed, 0.0, skill)
    majority = _majority(plan, skill, collapsed)
    accuracy = _accuracy(plan, skill, majority, rows, offsets[1])
    most = labels.guess.score
    lead = (accuracy - most) / (1.0 - most)
    mcc = np.sign(lead) * np.abs(lead) ** (1.0 / labels.accuracy_exponent)
    mcc = np.where(collapsed, 0.0, np.clip(mcc, -1.0, 1.0))
    spread_out = 1.0 / len(labels.frequencies)
    base = spread_out + (labels.one_label_f1 - spread_out) * (majority - most) / (1.0 - most)
    guess_spread = labels.guess_spread * np.sqrt(1.0 - confidence**2)
    # Where one label is predicted at all rows, too surely or for the wrong label, the losses of
    # the labels lie apart by the root of twice what that costs.
    apart = np.sqrt(2.0 * np.maximum(nats - labels.guess.loss, 1e-4)) * collapsed
    return _Scores(
        loss=loss,
        error=np.sqrt(spread**2 + guess_spread**2 + apart**2) / math.sqrt(rows),
        accuracy=accuracy,
        mcc=mcc,
        majority=majority,
        macro_f1=np.clip(base + (1.0 - base) * np.maximum(mcc, 0.0), 0.0, 1.0),
    )


def _offsets(plan: Plan) -> tuple[tuple[float, float], tuple[float, float]]:
    """Errors of loss and accuracy shared by all points: of the fixed rows, and of all rows.

    A lucky draw of rows is lucky in both, mostly; and the fixed rows are among all rows.
    """
    loss, other = _clipped_normal(plan.rng, 2, 2.0)
    fixed = (float(loss), float(-0.7 * loss + 0.7 * other))
    shared = math.sqrt(plan.rows / plan.all_rows)
    new = math.sqrt(1.0 - plan.rows / plan.all_rows) * _clipped_normal(plan.rng, 2, 2.0)
    return fixed, (shared * fixed[0] + float(new[0]), shared * fixed[1] + float(new[1]))


@dataclass(frozen=True, kw_only=True)
class _Training:
    """Figures of training, one for each point."""

    loss: Array
    std: Array
    largest: Array
    rate: Array
    grad_norm: Array
    weight_change: Array


def _training(plan: Plan, story: Story) -> _Training:
    rng, guess = plan.rng, plan.labels.guess.loss
    nats = story.train * guess
    updates = max(1.0, plan.total_updates / plan.points)
    rows = _row_spread(nats.mean(axis=1), _confidence(story))
    rows = np.sqrt(rows**2 + plan.labels.guess_spread**2 * (1.0 - _confidence(story) ** 2))
    noise = story.restless * np.maximum(rows, 0.02 * guess) / math.sqrt(plan.batch)
    std = np.sqrt(noise**2 + nats.var(axis=1))
    luck = noise / math.sqrt(updates) * _clipped_normal(rng, plan.points, 2.5)
    loss = _disturbed(nats.mean(axis=1), luck)
    # The largest of n draws from a normal distribution is about sqrt(2 ln n) deviations up.
    reach = math.sqrt(2.0 * math.log(updates + 1.0)) * rng.uniform(0.9, 1.3, plan.points)
    rate_share = scheduled_share(plan.schedule, plan.at - 1.0 / plan.total_updates)
    pushed = np.cumsum(scheduled_share(plan.schedule, plan.within).mean(axis=1)) / plan.points
    change = log_uniform(rng, *WEIGHT_CHANGES[plan.rate_kind])
    change = change * (pushed / pushed[-1]) ** plan.uniform(0.5, 0.8)
    steep = plan.uniform(2.0, 8.0) * (0.15 + np.minimum(story.train.mean(axis=1), 1.5))
    steep = steep * rng.lognormal(0.0, 0.15, plan.points)
    return _Training(
        loss=loss,
        std=std * rng.uniform(0.85, 1.15, plan.points),
        largest=np.maximum(nats.max(axis=1), loss + reach * std),
        rate=plan.rate * rate_share,
        grad_norm=steep if story.grad_factor is None else steep * story.grad_factor,
        weight_change=change if story.weight_factor is None else change * story.weight_factor,
    )


def measure(plan: Plan, story: Story) -> tuple[Report, ...]:
    """Measures the story as a worker would."""
    fixed_offsets, all_offsets = _offsets(plan)
    fixed = _scores(plan, story, plan.rows, fixed_offsets)
    whole = fixed
    if plan.all_rows > plan.rows:
        whole = _scores(plan, story, plan.all_rows, all_offsets)
    training = _training(plan, story)
    speed = plan.uniform(30.0, 900.0)
    padding = plan.uniform(0.01, 0.15)
    memory = round(plan.uniform(2e9, 2e10))
    per_point = plan.total_examples / plan.points
    made = []
    for index in range(plan.seen):
        final = index + 1 == plan.points
        scores = whole if final else fixed
        examples = plan.all_rows if final else plan.rows
        report = Report(
            point=index + 1,
            points=plan.points,
            final=final,
            examples_seen=round(per_point * (index + 1)),
            total_examples=plan.total_examples,
            updates=round(plan.total_updates * (index + 1) / plan.points),
            skipped_updates=0,
            train_loss=float(training.loss[index]),
            train_loss_std=float(training.std[index]),
            train_loss_max=float(training.largest[index]),
            learning_rate=float(training.rate[index]),
            grad_norm=float(training.grad_norm[index]),
            weight_change=float(training.weight_change[index]),
            val_loss=float(scores.loss[index]),
            metrics={
                "val_accuracy": float(scores.accuracy[index]),
                "val_macro_f1": float(scores.macro_f1[index]),
                "val_mcc": float(scores.mcc[index]),
            },
            majority_share=float(scores.majority[index]),
            validation_examples=examples,
            fixed=FixedRows(
                examples=plan.rows,
                loss=float(fixed.loss[index]),
                loss_error=float(fixed.error[index]),
                score=float(fixed.accuracy[index]),
                error_within_strata=float(fixed.error[index]),
                majority_share=float(fixed.majority[index]),
                association=float(fixed.mcc[index]) / plan.labels.skill_error(plan.rows),
            ),
            examples_per_second=speed * float(plan.rng.uniform(0.95, 1.02)),
            padding_fraction=padding,
            peak_memory_bytes=memory,
            seconds_training=per_point / speed,
            seconds_evaluating=examples / speed / 3.0,
        )
        made.append(report)
    return tuple(made)


def is_clear(plan: Plan, story: Story) -> bool:
    """True if the feature of the case exceeds this trial's noise."""
    guess = plan.labels.guess.loss
    spread = _row_spread(story.val * guess, _confidence(story))
    spread = float(spread[: plan.seen].max())
    to_share = 1.0 / math.sqrt(plan.rows) / guess
    step = math.hypot(plan.fresh * spread * to_share, story.wander)
    error = max(spread, plan.labels.guess_spread) * to_share
    trend_shows = story.trend is None or story.trend >= TREND_ERRORS * step
    return trend_shows and (story.margin is None or story.margin >= MARGIN_ERRORS * error)


def keeps_above(plan: Plan, reports: Sequence[Report]) -> bool:
    """True if no point beats the guess by more than chance."""
    guess = plan.labels.guess.loss
    return all(
        report.fixed.loss >= guess - max(report.fixed.loss_error, 0.005 * guess)
        for report in reports
    )
