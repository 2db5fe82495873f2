"""Configurations whose exported TrainingArguments are compared with what transformers makes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.components import make_optimizer, make_schedule
from tests.records import report, settings
from tuner.results.export import training_arguments
from tuner.settings.settings import TrialSettings

SCHEDULES: tuple[dict[str, Any], ...] = (
    {"name": "constant"},
    {"name": "linear"},
    {"name": "linear", "end_fraction": 0.1},
    {"name": "linear", "end_fraction": 1.0},
    {"name": "cosine", "end_fraction": 0.0},
    {"name": "cosine", "end_fraction": 0.2},
    {"name": "cosine_restarts"},
    {"name": "cosine_restarts", "cycles": 1, "end_fraction": 0.1},
    {"name": "cosine_restarts", "cycles": 3},
    {"name": "cosine_restarts", "cycles": 3, "end_fraction": 0.1},
    {"name": "polynomial"},
    {"name": "polynomial", "power": 0.5, "end_fraction": 0.1},
    {"name": "exponential", "decay_rate": 0.5, "steps": 4},
    {"name": "exponential", "decay_rate": 0.5, "steps": 4, "staircase": True},
    {"name": "exponential", "decay_rate": 1.0},
    {"name": "inverse_sqrt"},
)
WARMUPS = (0.0, 0.1, 0.5, 1.0)
UPDATES = (1, 2, 3, 10, 40)

OPTIMIZERS: tuple[dict[str, Any], ...] = (
    {"name": "adamw", "weight_decay": 0.05, "beta_1": 0.8, "beta_2": 0.98, "epsilon": 1e-6},
    {"name": "adamw"},
    {"name": "AdamW", "weight_decay": 0.01},
    {"name": "adam", "amsgrad": True},
    {"name": "adam", "weight_decay": 0.1, "amsgrad": False},
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "sgd", "weight_decay": 0.1},
    {"name": "rmsprop", "rho": 0.8, "epsilon": 1e-6, "momentum": 0.5, "centered": True},
    {"name": "rmsprop"},
    {"name": "lion", "beta_1": 0.95, "weight_decay": 0.1},
    {"name": "lion"},
    {"name": "adafactor", "clip_threshold": 1.0, "relative_step": False},
    {"name": "nadam", "beta_1": 0.9},
)


def schedule_cases() -> Iterator[tuple[str, TrialSettings, int]]:
    """Name, configuration and number of updates of every case."""
    for schedule in SCHEDULES:
        for warmup in WARMUPS:
            for updates in UPDATES:
                whole = {**schedule, "warmup_fraction": warmup}
                fields = " ".join(f"{key}={value}" for key, value in whole.items())
                case = replace(settings(), schedule=make_schedule(whole))
                yield f"{fields}, {updates} updates", case, updates


def optimizer_cases() -> Iterator[tuple[str, TrialSettings]]:
    """Name and configuration of every case."""
    for optimizer in OPTIMIZERS:
        name = " ".join(f"{key}={value}" for key, value in optimizer.items())
        yield name, replace(settings(), optimizer=make_optimizer(optimizer))


def exported(case: TrialSettings, updates: int | None) -> dict[str, Any]:
    """The exported arguments of a trial with so many updates in one epoch, or of no trial."""
    if updates is None:
        return training_arguments(case)[0]
    return training_arguments(*finished(case, updates))[0]


def finished(case: TrialSettings, updates: int) -> tuple[TrialSettings, Any]:
    """The configuration of a trial of one epoch with so many updates, and its last report."""
    case = replace(case, training=replace(case.training, epochs=1.0))
    rows = updates * case.effective_batch_size
    last = report(5, 5, examples_seen=rows, total_examples=rows, updates=updates)
    return case, last


def of_schedule(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that decide the learning rate."""
    return {k: v for k, v in arguments.items() if k.startswith(("lr_", "warmup_"))}
