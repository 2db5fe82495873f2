"""A configuration as `transformers.TrainingArguments` (5.x) reads it, and what it can not say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.core.settings import TrialSettings
from tuner.core.training_settings import TrainingSettings

_OPTIMIZERS: Mapping[str, str] = {
    "adamw": "adamw_torch",
    "adam": "adamw_torch",
    "sgd": "sgd",
    "adafactor": "adafactor",
    "rmsprop": "rmsprop",
    "lion": "lion_32bit",
}
_SAID: Mapping[str, Mapping[str, str]] = {
    "sgd": {"momentum": "momentum", "nesterov": "nesterov"},
    "rmsprop": {
        "rho": "alpha", "momentum": "momentum", "epsilon": "eps", "centered": "centered",
    },
}  # fmt: skip
"""Fields of an optimizer to their names in `optim_args`."""

_ADAM: Mapping[str, str] = {
    "beta_1": "adam_beta1", "beta_2": "adam_beta2", "epsilon": "adam_epsilon",
}  # fmt: skip
_COUPLED = ("sgd", "rmsprop")
"""Optimizers of torch that add weight decay to the gradient; ours shrinks the weights."""

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


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A key that TrainingArguments has no counterpart for.

    Attributes:
        key: In the configuration.
        value: Its value.
        remedy: Where it goes instead.
    """

    key: str
    value: Any
    remedy: str


def training_arguments(settings: TrialSettings) -> tuple[dict[str, Any], list[LeftOut]]:
    """Translates a configuration.

    Args:
        settings: The configuration.

    Returns:
        Keyword arguments of TrainingArguments, and what they do not say.
    """
    arguments, rest = _training(settings)
    optimizer, of_optimizer = _optimizer(settings.optimizer)
    schedule, of_schedule = _schedule(
        settings.schedule, float(settings.optimizer["learning_rate"])
    )
    model = [
        LeftOut(
            key="model.checkpoint",
            value=settings.model.checkpoint,
            remedy="from_pretrained of tokenizer and model",
        ),
        LeftOut(
            key="model.max_length",
            value=settings.model.max_length,
            remedy="tokenizer(..., truncation=True, max_length=...)",
        ),
        LeftOut(
            key="model.dropout",
            value=settings.model.dropout,
            remedy="the rates of the model's configuration, as hidden_dropout_prob and "
            "attention_probs_dropout_prob",
        ),
        LeftOut(
            key="data.seed",
            value=settings.data.seed,
            remedy="which rows are validation rows; the Trainer takes data that is split already",
        ),
    ]
    return {**arguments, **optimizer, **schedule}, [*model, *rest, *of_optimizer, *of_schedule]


def _training(settings: TrialSettings) -> tuple[dict[str, Any], list[LeftOut]]:
    training = settings.training
    arguments: dict[str, Any] = {
        "num_train_epochs": training.epochs,
        "per_device_train_batch_size": training.batch_size,
        "gradient_accumulation_steps": training.accumulation_steps,
        "per_device_eval_batch_size": training.evaluation_batch_size,
        "max_grad_norm": training.clip_norm or 0.0,
        "label_smoothing_factor": training.label_smoothing,
        "bf16": training.precision == "mixed_bfloat16",
        "fp16": training.precision == "mixed_float16",
        "train_sampling_strategy": "group_by_length" if training.length_window > 1 else "random",
        "seed": training.seed,
        **_evaluation(training),
    }
    if training.rematerialize:
        arguments["gradient_checkpointing"] = True
    rest = [
        LeftOut(key=f"training.{key}", value=getattr(training, key), remedy=_REMEDIES[key])
        for key, neutral in _NEUTRAL.items()
        if getattr(training, key) != neutral
    ]
    whole = training.batch_size * training.accumulation_steps * training.devices
    if settings.effective_batch_size != whole:
        rest.append(
            LeftOut(
                key="training.effective_batch_size",
                value=settings.effective_batch_size,
                remedy=f"the Trainer's updates have {whole} examples",
            )
        )
    if training.devices > 1:
        remedy = f"torchrun --nproc-per-node {training.devices}"
        rest.append(LeftOut(key="training.devices", value=training.devices, remedy=remedy))
    return arguments, rest


def _evaluation(training: TrainingSettings) -> dict[str, Any]:
    # As a share, which 1.0 is not: that means every step.
    if training.evaluations > 1:
        return {"eval_strategy": "steps", "eval_steps": 1 / training.evaluations}
    return {"eval_strategy": "epoch"}


def _optimizer(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[LeftOut]]:
    own = dict(given)
    name = str(own.pop("name"))
    arguments: dict[str, Any] = {
        "optim": _OPTIMIZERS[name],
        "learning_rate": float(own.pop("learning_rate")),
    }
    decay = float(own.pop("weight_decay", 0.0))
    rest = []
    if name in _COUPLED and decay:
        remedy = "torch adds it to the gradient, here it shrinks the weights"
        rest.append(LeftOut(key="optimizer.weight_decay", value=decay, remedy=remedy))
    else:
        arguments["weight_decay"] = decay
    if float(own.pop("layer_decay", 1.0)) != 1.0:
        rate, remedy = given["layer_decay"], "a parameter group with its own rate for each layer"
        rest.append(LeftOut(key="optimizer.layer_decay", value=rate, remedy=remedy))
    said = _SAID.get(name, {})
    if said:
        pairs = ((said[key], own.pop(key)) for key in list(own) if key in said)
        arguments["optim_args"] = ",".join(f"{key}={value}" for key, value in pairs)
    elif name in ("adam", "adamw", "lion"):
        arguments |= {_ADAM[key]: own.pop(key) for key in list(own) if key in _ADAM}
    rest += [
        LeftOut(key=f"optimizer.{key}", value=value, remedy="an optimizer of your own")
        for key, value in own.items()
        if value is not False
    ]
    return arguments, rest


def _schedule(given: Mapping[str, Any], peak: float) -> tuple[dict[str, Any], list[LeftOut]]:
    own = dict(given)
    name, warmup = str(own.pop("name")), float(own.pop("warmup_fraction", 0.0))
    end = float(own.pop("end_fraction", 0.0))
    arguments: dict[str, Any] = {"lr_scheduler_type": name, "warmup_steps": warmup}
    match name:
        case "constant" if warmup:
            arguments["lr_scheduler_type"] = "constant_with_warmup"
        case "cosine" if end:
            arguments["lr_scheduler_type"] = "cosine_with_min_lr"
            arguments["lr_scheduler_kwargs"] = {"min_lr_rate": end}
        case "linear" if end:
            arguments["lr_scheduler_type"] = "polynomial"
            arguments["lr_scheduler_kwargs"] = {"power": 1.0, "lr_end": end * peak}
        case "polynomial":
            kwargs = {"power": own.pop("power", 1.0), "lr_end": end * peak}
            arguments["lr_scheduler_kwargs"] = kwargs
        case "cosine_restarts":
            arguments["lr_scheduler_type"] = "cosine_with_restarts"
            arguments["lr_scheduler_kwargs"] = {"num_cycles": own.pop("cycles", 1)}
            own |= {"end_fraction": end} if end else {}
        case "exponential":
            arguments["lr_scheduler_type"] = "constant_with_warmup"
            own = {"name": name, **own}
    rest = [
        LeftOut(key=f"schedule.{key}", value=value, remedy="a scheduler of your own")
        for key, value in own.items()
    ]
    return arguments, rest
