"""Rules for configuration values beyond their types."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from tuner.config.schema import component_mappings
from tuner.fields.bounds import Limit
from tuner.fields.findings import Finding

LARGEST = 10**9
"""Largest absolute value of any number in a configuration: counts, rates and seconds alike."""

EXEMPT = ("training.seed", "data.seed", "sampler.seed", "sweep.constraints")
"""Keys whose numbers have their own limits, or are not ours."""


Rule = tuple[str, Limit]
"""Key and limit of its value."""


def broken(settings: object, rules: tuple[Rule, ...]) -> Iterator[Finding]:
    """Yield the values that break a rule, including those of another type.

    Args:
        settings: Dataclasses and mappings.
        rules: Rules; those for missing keys are ignored.
    """
    for key, limit in rules:
        value = _value(settings, key)
        # Null is a matter of type: where allowed, it means "none" and has no bound.
        if value is not None and not limit.admits(value):
            yield Finding(key=key, value=value, remedy=limit.text)


def too_large(settings: object, path: str = "") -> Iterator[Finding]:
    """Yield numbers that are too large to compute with, and NaN.

    Args:
        settings: Dataclasses and mappings, including lists.
        path: Key of the settings.
    """
    if path in (*EXEMPT, *component_mappings()):
        return
    if isinstance(settings, int | float) and not isinstance(settings, bool):
        if not abs(settings) <= LARGEST:  # NaN, too
            yield Finding(key=path, value=settings, remedy=f"a number up to {LARGEST:,}")
        return
    for name, value in _items(settings):
        yield from too_large(value, f"{path}.{name}" if path else name)


def _items(settings: object) -> Iterator[tuple[str, Any]]:
    if is_dataclass(settings):
        yield from ((field.name, getattr(settings, field.name)) for field in fields(settings))
    elif isinstance(settings, Mapping):
        yield from ((str(key), value) for key, value in settings.items())


def _value(settings: object, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part)
    return value
