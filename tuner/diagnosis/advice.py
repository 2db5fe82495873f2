"""What to change, in the user's own configuration keys, each with a value to try."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from tuner.diagnosis.case import FEW_EXAMPLES, FEW_UPDATES, Case, Cause
from tuner.optimizers import AdamW, Sgd
from tuner.schedules import Constant, Linear
from tuner.settings.training_settings import TrainingSettings
from tuner.trial.records import Convergence

SMALL_BATCH, LARGE_BATCH = 32, 64
"""Effective batches below which gradients are noisy, and above which updates are few."""

ACCURACY = "val_accuracy"
"""Metric that always guessing a frequent label does well in."""

SMOOTH_DROPOUT, SMOOTH_DECAY = 0.1, 0.01
"""Devlin 2019; more than that holds a model back that does not even fit its training rows."""


def advise(status: Convergence, case: Case) -> str:
    """What to change after a trial of this status.

    Args:
        status: The word.
        case: What is known of the trial.

    Returns:
        The most promising change first, as `key: value → try value`, joined by semicolons;
        empty where there is nothing to say.
    """
    lines = dict.fromkeys([*BY_STATUS[status](case), *_spikes(case, status)])
    return "; ".join(lines)


def change(key: str, value: Any, to: Any, why: str = "") -> str:
    """One piece of advice."""
    text = f"{key}: {_shown(value)} → try {_shown(to)}"
    return f"{text} ({why})" if why else text


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.0e}".replace("e-0", "e-") if 0 < abs(value) < 1e-3 else f"{value:.3g}"  # noqa: PLR2004
    return str(value)


def _diverged(case: Case) -> Iterator[str]:
    rate = list(_lower_rate(case))
    if case.rate_is_high:
        yield from rate
    if case.settings.training.clip_norm is None:
        yield change("training.clip_norm", None, 1.0)
    yield from _wider_range(case)
    if not case.rate_is_high:
        yield from rate
    yield from _warm_up(case)


def _not_learning(case: Case) -> Iterator[str]:
    if case.skips_most:
        yield from _wider_range(case)
    if case.rate_is_high or case.jumped:
        yield from _lower_rate(case)
        yield from _warm_up(case)
        return
    if case.is_slow:
        yield from _too_slow(case)
        return
    if case.collapsed and not case.imbalanced:
        yield from _lower_rate(case)
        yield from _warm_up(case)
        return
    if case.imbalanced:
        yield from _imbalance(case)
        return
    yield from _underfit(case)
    yield from _more_updates(case)
    if case.train_examples < FEW_EXAMPLES:
        yield _more_examples(case)
    yield (
        "data.label: look whether the labels follow from the texts, since the weights moved and "
        "nothing was learned"
    )


def _too_slow(case: Case) -> Iterator[str]:
    """Training has hardly begun, whatever the predictions look like meanwhile."""
    yield from _underfit(case)
    if isinstance(case.optimizer, Sgd):
        with_rate = f"with optimizer.learning_rate={_shown(AdamW().learning_rate)}"
        yield change("optimizer", Sgd.name, AdamW.name, with_rate)
    rate = list(_higher_rate(case))
    yield from rate
    yield from _more_updates(case)
    if not rate and case.updates >= FEW_UPDATES:
        epochs = case.settings.training.epochs
        yield change("training.epochs", epochs, 2 * epochs)


def _overfitting(case: Case) -> Iterator[str]:
    training, model = case.settings.training, case.settings.model
    if case.train_examples < FEW_EXAMPLES:
        yield _more_examples(case)
        yield f"model.checkpoint: {model.checkpoint} → try a smaller or distilled encoder"
        return
    if case.cause is Cause.MEMORISED:
        yield (
            "data.label: look whether the labels follow from the texts, since the training rows "
            "say nothing of others"
        )
    losses = [report.fixed.loss for report in case.reports]
    best = case.reports[losses.index(min(losses))]
    epochs = training.epochs * best.examples_seen / best.total_examples
    fewer = math.ceil(2 * epochs) / 2 if epochs > 1.0 else math.ceil(10 * epochs) / 10
    if fewer < training.epochs:
        yield change("training.epochs", training.epochs, fewer)
    if model.dropout < 2 * SMOOTH_DROPOUT:
        yield change("model.dropout", model.dropout, max(0.2, 2 * model.dropout))
    decay = case.optimizer.weight_decay
    if decay <= SMOOTH_DECAY:
        yield change("optimizer.weight_decay", decay, 0.1 if decay else SMOOTH_DECAY)
    if not training.label_smoothing:
        yield change("training.label_smoothing", 0.0, 0.1)


def _oscillating(case: Case) -> Iterator[str]:
    if case.cause is Cause.LOST or case.rate_is_high:
        yield from _lower_rate(case)
    yield from _more_examples_an_update(case)
    if case.cause is not Cause.LOST and not case.rate_is_high and case.rate:
        yield change("optimizer.learning_rate", case.rate, case.rate / 3)
    if isinstance(case.settings.schedule, Constant):
        yield change("schedule", Constant.name, Linear.name)
    yield from _warm_up(case)


def _improving(case: Case) -> Iterator[str]:
    last = case.reports[-1]
    if last.point < last.points and not last.final:
        return  # It was stopped; its budget was not too short.
    epochs = case.settings.training.epochs
    yield from _fewer_examples_an_update(case)
    if case.rate_is_high:
        yield from _lower_rate(case)
    elif case.is_slow or case.gained_little:
        yield from _higher_rate(case)
    yield change("training.epochs", epochs, 2 * epochs)
    if last.fixed.majority_share == 1.0 and case.imbalanced:
        yield from _imbalance(case)


def _plateaued(case: Case) -> Iterator[str]:
    model = case.settings.model
    if case.imbalanced and case.reports[-1].fixed.majority_share > 0.99:  # noqa: PLR2004
        yield from _imbalance(case)
    if case.rate_is_high:
        yield from _lower_rate(case)
    elif case.is_slow:
        yield from _higher_rate(case)
    yield from _underfit(case)
    yield from _fewer_examples_an_update(case)
    if not (case.rate_is_high or case.is_slow) and case.rate:
        usual = case.usual_rates
        if usual is None or 2 * case.rate <= usual.highest:
            yield change("optimizer.learning_rate", case.rate, 2 * case.rate)
        yield f"model.checkpoint: {model.checkpoint} → try a larger encoder, or look at the labels"


def _nothing(case: Case) -> Iterator[str]:  # noqa: ARG001
    return iter(())


def _lower_rate(case: Case) -> Iterator[str]:
    """The usual rate where ours is above all usual ones, else a tenth."""
    if case.rate:
        usual = case.usual_rates
        to = usual.first if usual and case.rate_is_high else case.rate / 10
        yield change("optimizer.learning_rate", case.rate, min(to, case.rate / 3))


def _higher_rate(case: Case) -> Iterator[str]:
    """The usual rate where ours is below it, else three times as much up to the highest usual."""
    if case.rate:
        usual = case.usual_rates
        to = min(max(usual.first, 3 * case.rate), usual.highest) if usual else 10 * case.rate
        if to > 1.2 * case.rate:
            yield change("optimizer.learning_rate", case.rate, to)


def _wider_range(case: Case) -> Iterator[str]:
    if case.settings.training.precision == "mixed_float16":
        yield change("training.precision", "mixed_float16", "mixed_bfloat16", "a wider range")


def _underfit(case: Case) -> Iterator[str]:
    """What holds a model back that does not even fit its training rows."""
    training, model = case.settings.training, case.settings.model
    why = "training itself underfits"
    if training.freeze_layers:
        yield change("training.freeze_layers", training.freeze_layers, 0, why)
    if model.dropout > SMOOTH_DROPOUT:
        yield change("model.dropout", model.dropout, SMOOTH_DROPOUT, why)
    decay = case.optimizer.weight_decay
    if decay > 10 * SMOOTH_DECAY:
        yield change("optimizer.weight_decay", decay, SMOOTH_DECAY, why)
    if training.label_smoothing > 0.1:  # noqa: PLR2004
        yield change("training.label_smoothing", training.label_smoothing, 0.0, why)


def _warm_up(case: Case) -> Iterator[str]:
    """Adam's first steps are long without it (Mosbach 2021)."""
    warmup = case.settings.schedule.warmup_fraction
    if warmup < 0.1:  # noqa: PLR2004
        yield change("schedule.warmup_fraction", warmup, 0.1)


def _spikes(case: Case, status: Convergence) -> Iterator[str]:
    """Warm-up and clipping for what jumped at the beginning, however it ended."""
    if case.spiked_early and status is not Convergence.UNDETERMINED:
        yield from _warm_up(case)
        if case.settings.training.clip_norm is None:
            yield change("training.clip_norm", None, 1.0)


def _imbalance(case: Case) -> Iterator[str]:
    training = case.settings.training
    if training.oversample == "none":  # Balanced rows already do what weights would.
        if training.class_weights == "none":
            yield change("training.class_weights", "none", "balanced")
        else:
            yield change("training.oversample", "none", "balanced")
    if ACCURACY in case.objectives:
        yield "sweep.objectives → try [val_macro_f1] (the constant guess wins by accuracy)"


def _more_updates(case: Case) -> Iterator[str]:
    if 0 < case.updates < FEW_UPDATES:
        yield from _fewer_examples_an_update(case)
        epochs = case.settings.training.epochs
        yield change("training.epochs", epochs, 2 * epochs, f"{case.updates} updates are few")


def _more_examples_an_update(case: Case) -> Iterator[str]:
    """A larger effective batch where gradients of a small one are noisy."""
    training, effective = case.settings.training, case.settings.effective_batch_size
    if effective >= SMALL_BATCH:
        return
    if training.effective_batch_size is not None:
        yield change("training.effective_batch_size", effective, SMALL_BATCH)
        return
    steps = training.accumulation_steps * math.ceil(SMALL_BATCH / effective)
    why = f"effective batch {effective} → {effective // training.accumulation_steps * steps}"
    yield change("training.accumulation_steps", training.accumulation_steps, steps, why)


def _fewer_examples_an_update(case: Case) -> Iterator[str]:
    """A smaller effective batch where it leaves too few updates."""
    training, effective = case.settings.training, case.settings.effective_batch_size
    if effective < LARGE_BATCH or not 0 < case.updates < FEW_UPDATES:
        return
    why = f"{case.updates} updates are few"
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


def _more_examples(case: Case) -> str:
    data = case.settings.data
    if data.train_examples is not None:
        return change("data.train_examples", data.train_examples, 1000, "or null for all")
    return f"data.train: {case.train_examples} examples → try to label 1000 or more"


BY_STATUS: dict[Convergence, Callable[[Case], Iterator[str]]] = {
    Convergence.CONVERGED: _nothing,
    Convergence.IMPROVING: _improving,
    Convergence.PLATEAUED: _plateaued,
    Convergence.NOT_LEARNING: _not_learning,
    Convergence.OSCILLATING: _oscillating,
    Convergence.OVERFITTING: _overfitting,
    Convergence.DIVERGED: _diverged,
    Convergence.UNDETERMINED: _nothing,
}
