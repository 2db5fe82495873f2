"""Registries of the configuration groups whose options are classes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tuner import optimizers, schedules, tasks
from tuner.fields.registry import Registry
from tuner.settings import launchers

REGISTRIES: Mapping[str, Registry[Any]] = MappingProxyType(
    {
        "task": tasks.REGISTRY,
        "optimizer": optimizers.REGISTRY,
        "schedule": schedules.REGISTRY,
        "launcher": launchers.REGISTRY,
    }
)
"""Configuration group to the classes of its options."""
