"""A configuration as `transformers.TrainingArguments` (5.x), and what they cannot express."""

import math
from collections.abc import Mapping
from typing import Any

from tuner.fields.left_out import LeftOut
from tuner.schedules.trainer import trainer_arguments
from tuner.settings.settings import TrialSettings
from tuner.settings.training_settings import TrainingSettings
from tuner.trial.budget import Budget
from tuner.trial.records import Report

_NEUTRAL: Mapping[str, Any] = {
    "ema_decay": None, "freeze_layers": 0, "reinit_layers": 0, "class_weights": "none",
    "oversample": "none", "deterministic": False,
}  # fmt: skip
_REMEDIES: Mapping[str, str] = {
    "ema_decay": "a callback that averages the weights",
    "freeze_layers": "requires_grad=False for the embeddings and these layers",
    "reinit_layers": "draw these layers and the pooler anew before training",
    "class_weights": "compute_loss_func of the Trainer with weighted cross-entropy",
    "oversample": "a sampler that draws every label equally often",
    "deterministic": "full_determinism=True, which also sets the seed",
}


def training_arguments(
    settings: TrialSettings, last: Report | None = None
) -> tuple[dict[str, Any], list[LeftOut]]:
    """Translate a configuration.

    Args:
        settings: The configuration.
        last: Last report of the trial, which shows its length; None if there is none.

    Returns:
        Keyword arguments of TrainingArguments, and the settings that they cannot express.
    """
    peak = settings.optimizer.learning_rate
    updates = None if last is None else budget_updates(settings, last.total_examples)
    arguments, rest = _training(settings, updates)
    of_optimizer, without_optimizer = settings.optimizer.trainer_arguments()
    of_schedule, without_schedule = trainer_arguments(settings.schedule, peak, updates)
    return {**arguments, **of_optimizer, **of_schedule}, [
        *_of_model_and_data(settings),
        *rest,
        *without_optimizer,
        *without_schedule,
        *_ended_early(settings, last, updates),
    ]


def budget_updates(settings: TrialSettings, total_examples: int) -> int:
    """Return the number of optimizer updates in a budget of examples."""
    epochs = settings.training.epochs
    budget = Budget(
        # Below one epoch the budget's examples count, not the number of rows.
        train_examples=round(total_examples / max(1.0, epochs)),
        effective_batch=settings.effective_batch_size,
        epochs=max(1.0, epochs),
        evaluations=settings.training.evaluations,
    )
    return budget.total_updates


def _ended_early(
    settings: TrialSettings, last: Report | None, updates: int | None
) -> list[LeftOut]:
    """Return the early end of a trial, if it did not use its whole budget."""
    if last is None or last.examples_seen >= last.total_examples:
        return []
    made = last.updates + last.skipped_updates
    return [
        LeftOut(
            key="convergence.converged_patience",
            value=settings.convergence.converged_patience,
            remedy=f"this trial ended after {made} of {updates} updates, at the rates of the "
            "whole budget; a callback that sets control.should_training_stop ends the Trainer",
        )
    ]


def _of_model_and_data(settings: TrialSettings) -> list[LeftOut]:
    model, data = settings.model, settings.data
    rest = (
        []
        if settings.task.trainer_remedy is None
        else [LeftOut(key="task", value=settings.task.name, remedy=settings.task.trainer_remedy)]
    )
    rest += [
        LeftOut(
            key="model.checkpoint",
            value=model.checkpoint,
            remedy="from_pretrained of tokenizer and model",
        ),
        LeftOut(
            key="model.max_length",
            value=model.max_length,
            remedy="tokenizer(..., truncation=True, max_length=...)",
        ),
        LeftOut(
            key="model.dropout",
            value=model.dropout,
            remedy="the rates of the model's configuration: hidden_dropout_prob and "
            "attention_probs_dropout_prob; of a DistilBERT dropout, attention_dropout and "
            "seq_classif_dropout; of an ALBERT classifier_dropout_prob, too",
        ),
        LeftOut(
            key="data.seed",
            value=data.seed,
            remedy="selects the validation rows; the Trainer takes data that is already split",
        ),
    ]
    if data.train_examples is not None:
        remedy = "a subset of this size, drawn stratified by label"
        rest.append(LeftOut(key="data.train_examples", value=data.train_examples, remedy=remedy))
    if data.where:
        remedy = "only the rows that match"
        rest.append(LeftOut(key="data.where", value=dict(data.where), remedy=remedy))
    return rest


def _training(
    settings: TrialSettings, updates: int | None
) -> tuple[dict[str, Any], list[LeftOut]]:
    training, batch = settings.training, settings.effective_batch_size
    length, rest = _length(training, updates)
    clip_norm = training.clip_norm or 0.0
    micro_batch = min(training.batch_size, math.ceil(batch / training.devices))
    accumulation = math.ceil(batch / (micro_batch * training.devices))
    arguments: dict[str, Any] = {
        **length,
        "per_device_train_batch_size": micro_batch,
        "gradient_accumulation_steps": accumulation,
        "per_device_eval_batch_size": training.evaluation_batch_size,
        "max_grad_norm": clip_norm if math.isfinite(clip_norm) else 0.0,
        "label_smoothing_factor": training.label_smoothing,
        "bf16": training.precision == "mixed_bfloat16",
        "fp16": training.precision == "mixed_float16",
        "train_sampling_strategy": "group_by_length" if training.length_window > 1 else "random",
        "seed": training.seed,
        **_evaluation(training),
    }
    if training.rematerialize:
        arguments["gradient_checkpointing"] = True
    rest += [
        LeftOut(key=f"training.{key}", value=getattr(training, key), remedy=_REMEDIES[key])
        for key, neutral in _NEUTRAL.items()
        if getattr(training, key) != neutral
    ]
    whole = micro_batch * accumulation * training.devices
    if batch != whole:
        rest.append(
            LeftOut(
                key="training.effective_batch_size",
                value=batch,
                remedy=f"an update of the Trainer has {whole} examples",
            )
        )
    if training.devices > 1:
        remedy = f"torchrun --nproc-per-node {training.devices}"
        rest.append(LeftOut(key="training.devices", value=training.devices, remedy=remedy))
    return arguments, rest


def _length(
    training: TrainingSettings, updates: int | None
) -> tuple[dict[str, Any], list[LeftOut]]:
    """Return the budget; a partial epoch has whole updates here, but a share of all there."""
    if float(training.epochs).is_integer():
        return {"num_train_epochs": training.epochs}, []
    if updates is not None:
        return {"num_train_epochs": math.ceil(training.epochs), "max_steps": updates}, []
    remedy = "the Trainer may make one update more or less in a partial epoch"
    rest = [LeftOut(key="training.epochs", value=training.epochs, remedy=remedy)]
    return {"num_train_epochs": training.epochs}, rest


def _evaluation(training: TrainingSettings) -> dict[str, Any]:
    # As a share; 1.0 would mean every step.
    if training.evaluations > 1:
        return {"eval_strategy": "steps", "eval_steps": 1 / training.evaluations}
    return {"eval_strategy": "epoch"}
