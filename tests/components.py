"""Optimizers and schedules for tests; what a test leaves out is off."""

from collections.abc import Mapping
from typing import Any

from tuner import optimizers, schedules
from tuner.optimizers import Optimizer
from tuner.schedules import Schedule
from tuner.tasks import LossOptions

OFF: Mapping[str, Mapping[str, Any]] = {
    "adam": {"epsilon": 1e-8},
    "adamw": {"epsilon": 1e-8},
    "rmsprop": {"epsilon": 1e-7},
    "sgd": {"momentum": 0.0},
}
"""Values of own fields that a test leaves out: no momentum, the epsilon of PyTorch or Keras."""


def make_optimizer(given: Mapping[str, Any]) -> Optimizer:
    """The optimizer of a mapping, by default without weight decay."""
    off = {"weight_decay": 0.0, **OFF.get(given["name"].lower(), {})}
    return optimizers.from_mapping({"learning_rate": 1e-3, **off, **given})


def make_schedule(given: Mapping[str, Any]) -> Schedule:
    """The schedule of a mapping, by default without a warm-up."""
    return schedules.from_mapping({"warmup_fraction": 0.0, **given})


def loss_options(smoothing: float, weights: Any) -> LossOptions:
    """Options of a training loss; None: all labels weigh the same."""
    weights = None if weights is None else tuple(map(float, weights))
    return LossOptions(label_smoothing=smoothing, label_weights=weights)
