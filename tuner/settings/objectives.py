"""What a sweep can be run for, and which way each metric is better."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from tuner.settings.intervals import Range

Direction = Literal["minimize", "maximize"]

OBJECTIVES: Mapping[str, Direction] = MappingProxyType(
    {
        "val_accuracy": "maximize",
        "val_macro_f1": "maximize",
        "val_mcc": "maximize",
        "val_loss": "minimize",
        "train_loss": "minimize",
        "examples_per_second": "maximize",
        "peak_memory_bytes": "minimize",
    }
)
"""Metric to the direction in which it gets better."""


def sign(way: Direction) -> float:
    """What turns values so that larger is better."""
    return 1.0 if way == "maximize" else -1.0


def direction(name: str) -> Direction:
    """Which way this metric gets better.

    Raises:
        ValueError: If it is no metric that a sweep can be run for.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"{name!r} is no objective. Expected one of {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]


SHARE = Range(low=0.0, high=1.0)
RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "accuracy": SHARE,
        "macro_f1": SHARE,
        "mcc": Range(low=-1.0, high=1.0),
    }
)
"""Name of a score, without the split that it is of, to the values that it can have."""

AT_LEAST_0 = Range(low=0.0)
"""Range of losses, seconds, bytes and rates."""


def range_of(metric: str) -> Range:
    """The values that a metric can have, whichever split it is of: `val_mcc`, `mcc`."""
    for name, values in RANGES.items():
        if metric.endswith(name):
            return values
    return AT_LEAST_0
