"""Advice on what to change, in the user's own configuration keys, each with a value to try."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from tuner.diagnosis.trial_facts import FEW_EXAMPLES, FEW_UPDATES, Cause, TrialFacts
from tuner.optimizers import AdamW, Sgd
from tuner.schedules import Constant, Linear
from tuner.settings.training_settings import TrainingSettings
from tuner.trial.records import Convergence

SMALL_BATCH, LARGE_BATCH = 32, 64
"""Effective batch below which gradients are noisy, and above which updates are few."""

ACCURACY = "val_accuracy"
"""Metric in which always guessing a frequent label does well."""

SMOOTH_DROPOUT, SMOOTH_DECAY = 0.1, 0.01
"""Values of Devlin 2019; larger ones hold back a model that does not even fit its training rows.
"""


def advise(status: Convergence, facts: TrialFacts) -> str:
    """Return what to change after a trial of this status.

    Args:
        status: Convergence status of the trial.
        facts: Known facts about the trial.

    Returns:
        The most promising change first, as `key: value → try value`, joined by semicolons; empty
        if there is nothing to change.
    """
    lines = dict.fromkeys([*BY_STATUS[status](facts), *_spikes(facts, status)])
    return "; ".join(lines)


def change(key: str, value: Any, to: Any, why: str = "") -> str:
    """Return one piece of advice."""
    text = f"{key}: {_shown(value)} → try {_shown(to)}"
    return f"{text} ({why})" if why else text


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.0e}".replace("e-0", "e-") if 0 < abs(value) < 1e-3 else f"{value:.3g}"  # noqa: PLR2004
    return str(value)


def _diverged(facts: TrialFacts) -> Iterator[str]:
    rate = list(_lower_rate(facts))
    if facts.rate_is_high:
        yield from rate
    if facts.settings.training.clip_norm is None:
        yield change("training.clip_norm", None, 1.0)
    yield from _wider_range(facts)
    if not facts.rate_is_high:
        yield from rate
    yield from _warm_up(facts)


def _not_learning(facts: TrialFacts) -> Iterator[str]:
    if facts.skips_most:
        yield from _wider_range(facts)
    if facts.rate_is_high or facts.jumped:
        yield from _lower_rate(facts)
        yield from _warm_up(facts)
        return
    if facts.is_slow:
        yield from _too_slow(facts)
        return
    if facts.collapsed and not facts.imbalanced:
        yield from _lower_rate(facts)
        yield from _warm_up(facts)
        return
    if facts.imbalanced:
        yield from _imbalance(facts)
        return
    yield from _underfit(facts)
    yield from _more_updates(facts)
    if facts.train_examples < FEW_EXAMPLES:
        yield _more_examples(facts)
    yield (
        "data.label: check whether the labels follow from the texts, since the weights moved but "
        "nothing was learned"
    )


def _too_slow(facts: TrialFacts) -> Iterator[str]:
    """Advise a trial whose training has hardly begun, whatever its predictions are."""
    yield from _underfit(facts)
    if isinstance(facts.optimizer, Sgd):
        with_rate = f"with optimizer.learning_rate={_shown(AdamW().learning_rate)}"
        yield change("optimizer", Sgd.name, AdamW.name, with_rate)
    rate = list(_higher_rate(facts))
    yield from rate
    yield from _more_updates(facts)
    if not rate and facts.updates >= FEW_UPDATES:
        epochs = facts.settings.training.epochs
        yield change("training.epochs", epochs, 2 * epochs)


def _overfitting(facts: TrialFacts) -> Iterator[str]:
    training, model = facts.settings.training, facts.settings.model
    if facts.train_examples < FEW_EXAMPLES:
        yield _more_examples(facts)
        yield f"model.checkpoint: {model.checkpoint} → try a smaller or distilled encoder"
        return
    if facts.cause is Cause.MEMORISED:
        yield (
            "data.label: check whether the labels follow from the texts, since the training rows "
            "do not help with others"
        )
    losses = [report.fixed.loss for report in facts.reports]
    best = facts.reports[losses.index(min(losses))]
    epochs = training.epochs * best.examples_seen / best.total_examples
    fewer = math.ceil(2 * epochs) / 2 if epochs > 1.0 else math.ceil(10 * epochs) / 10
    if fewer < training.epochs:
        yield change("training.epochs", training.epochs, fewer)
    if model.dropout < 2 * SMOOTH_DROPOUT:
        yield change("model.dropout", model.dropout, max(0.2, 2 * model.dropout))
    decay = facts.optimizer.weight_decay
    if decay <= SMOOTH_DECAY:
        yield change("optimizer.weight_decay", decay, 0.1 if decay else SMOOTH_DECAY)
    if facts.settings.task.weighs_labels and not training.label_smoothing:
        yield change("training.label_smoothing", 0.0, 0.1)


def _oscillating(facts: TrialFacts) -> Iterator[str]:
    if facts.cause is Cause.FORGOT or facts.rate_is_high:
        yield from _lower_rate(facts)
    yield from _more_examples_an_update(facts)
    if facts.cause is not Cause.FORGOT and not facts.rate_is_high and facts.rate:
        yield change("optimizer.learning_rate", facts.rate, facts.rate / 3)
    if isinstance(facts.settings.schedule, Constant):
        yield change("schedule", Constant.name, Linear.name)
    yield from _warm_up(facts)


def _improving(facts: TrialFacts) -> Iterator[str]:
    last = facts.reports[-1]
    if last.point < last.points and not last.final:
        return  # It was stopped early; its budget was not too short.
    epochs = facts.settings.training.epochs
    yield from _fewer_examples_an_update(facts)
    if facts.rate_is_high:
        yield from _lower_rate(facts)
    elif facts.is_slow or facts.gained_little:
        yield from _higher_rate(facts)
    yield change("training.epochs", epochs, 2 * epochs)
    if last.fixed.majority_share == 1.0 and facts.imbalanced:
        yield from _imbalance(facts)


def _plateaued(facts: TrialFacts) -> Iterator[str]:
    model = facts.settings.model
    if facts.imbalanced and facts.reports[-1].fixed.majority_share > 0.99:  # noqa: PLR2004
        yield from _imbalance(facts)
    if facts.rate_is_high:
        yield from _lower_rate(facts)
    elif facts.is_slow:
        yield from _higher_rate(facts)
    yield from _underfit(facts)
    yield from _fewer_examples_an_update(facts)
    if not (facts.rate_is_high or facts.is_slow) and facts.rate:
        usual = facts.usual_rates
        if usual is None or 2 * facts.rate <= usual.highest:
            yield change("optimizer.learning_rate", facts.rate, 2 * facts.rate)
        yield f"model.checkpoint: {model.checkpoint} → try a larger encoder, or check the labels"


def _nothing(facts: TrialFacts) -> Iterator[str]:  # noqa: ARG001
    return iter(())


def _lower_rate(facts: TrialFacts) -> Iterator[str]:
    """Advise the usual rate if ours is above all usual ones, else a tenth."""
    if facts.rate:
        usual = facts.usual_rates
        to = usual.first if usual and facts.rate_is_high else facts.rate / 10
        yield change("optimizer.learning_rate", facts.rate, min(to, facts.rate / 3))


def _higher_rate(facts: TrialFacts) -> Iterator[str]:
    """Advise the usual rate if ours is below it, else three times ours up to the highest."""
    if facts.rate:
        usual = facts.usual_rates
        to = min(max(usual.first, 3 * facts.rate), usual.highest) if usual else 10 * facts.rate
        if to > 1.2 * facts.rate:
            yield change("optimizer.learning_rate", facts.rate, to)


def _wider_range(facts: TrialFacts) -> Iterator[str]:
    if facts.settings.training.precision == "mixed_float16":
        yield change("training.precision", "mixed_float16", "mixed_bfloat16", "a wider range")


def _underfit(facts: TrialFacts) -> Iterator[str]:
    """Remove what holds back a model that does not even fit its training rows."""
    training, model = facts.settings.training, facts.settings.model
    why = "training itself underfits"
    if training.freeze_layers:
        yield change("training.freeze_layers", training.freeze_layers, 0, why)
    if model.dropout > SMOOTH_DROPOUT:
        yield change("model.dropout", model.dropout, SMOOTH_DROPOUT, why)
    decay = facts.optimizer.weight_decay
    if decay > 10 * SMOOTH_DECAY:
        yield change("optimizer.weight_decay", decay, SMOOTH_DECAY, why)
    if training.label_smoothing > 0.1:  # noqa: PLR2004
        yield change("training.label_smoothing", training.label_smoothing, 0.0, why)


def _warm_up(facts: TrialFacts) -> Iterator[str]:
    """Advise a warm-up, without which Adam's first steps are long (Mosbach 2021)."""
    warmup = facts.settings.schedule.warmup_fraction
    if warmup < 0.1:  # noqa: PLR2004
        yield change("schedule.warmup_fraction", warmup, 0.1)


def _spikes(facts: TrialFacts, status: Convergence) -> Iterator[str]:
    """Advise warm-up and clipping after an early spike, however the trial ended."""
    if facts.spiked_early and status is not Convergence.UNDETERMINED:
        yield from _warm_up(facts)
        if facts.settings.training.clip_norm is None:
            yield change("training.clip_norm", None, 1.0)


def _imbalance(facts: TrialFacts) -> Iterator[str]:
    training = facts.settings.training
    if training.oversample == "none":  # Balanced rows have the effect of weights already.
        if training.class_weights == "none":
            yield change("training.class_weights", "none", "balanced")
        else:
            yield change("training.oversample", "none", "balanced")
    if ACCURACY in facts.objectives:
        yield "sweep.objectives → try [val_macro_f1] (the constant guess wins by accuracy)"


def _more_updates(facts: TrialFacts) -> Iterator[str]:
    if 0 < facts.updates < FEW_UPDATES:
        yield from _fewer_examples_an_update(facts)
        epochs = facts.settings.training.epochs
        yield change("training.epochs", epochs, 2 * epochs, f"{facts.updates} updates are few")


def _more_examples_an_update(facts: TrialFacts) -> Iterator[str]:
    """Advise a larger effective batch if gradients of a small one are noisy."""
    training, effective = facts.settings.training, facts.settings.effective_batch_size
    if effective >= SMALL_BATCH:
        return
    if training.effective_batch_size is not None:
        yield change("training.effective_batch_size", effective, SMALL_BATCH)
        return
    steps = training.accumulation_steps * math.ceil(SMALL_BATCH / effective)
    why = f"effective batch {effective} → {effective // training.accumulation_steps * steps}"
    yield change("training.accumulation_steps", training.accumulation_steps, steps, why)


def _fewer_examples_an_update(facts: TrialFacts) -> Iterator[str]:
    """Advise a smaller effective batch if it leaves too few updates."""
    training, effective = facts.settings.training, facts.settings.effective_batch_size
    if effective < LARGE_BATCH or not 0 < facts.updates < FEW_UPDATES:
        return
    why = f"{facts.updates} updates are few"
    if training.effective_batch_size is not None:
        yield change("training.effective_batch_size", effective, SMALL_BATCH, why)
        return
    batch_size = training.batch_size or TrainingSettings.batch_size
    if training.accumulation_steps > 1:
        steps = max(1, SMALL_BATCH // (batch_size * training.devices))
        if steps < training.accumulation_steps:
            yield change("training.accumulation_steps", training.accumulation_steps, steps, why)
            return
    smaller = max(1, SMALL_BATCH // training.devices)
    if smaller < batch_size:
        yield change("training.batch_size", batch_size, smaller, why)


def _more_examples(facts: TrialFacts) -> str:
    data = facts.settings.data
    if data.train_examples is not None:
        return change("data.train_examples", data.train_examples, 1000, "or null for all")
    return f"data.train: {facts.train_examples} examples → try to label 1000 or more"


BY_STATUS: dict[Convergence, Callable[[TrialFacts], Iterator[str]]] = {
    Convergence.CONVERGED: _nothing,
    Convergence.IMPROVING: _improving,
    Convergence.PLATEAUED: _plateaued,
    Convergence.NOT_LEARNING: _not_learning,
    Convergence.OSCILLATING: _oscillating,
    Convergence.OVERFITTING: _overfitting,
    Convergence.DIVERGED: _diverged,
    Convergence.UNDETERMINED: _nothing,
}
