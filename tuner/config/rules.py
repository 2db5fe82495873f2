"""Rules that configuration values obey beyond their types."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

LARGEST = 10**9
"""Largest absolute value of any number in a configuration: counts, rates and seconds alike."""

LARGEST_SEED = 2**52
"""Largest seed: new seeds count on from it, and both stay exact as floats."""

EXEMPT = ("training.seed", "data.seed", "sampler.seed", "launcher.options", "sweep.constraints")
"""Keys whose numbers have limits of their own, or are not ours."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A value that cannot be right.

    Attributes:
        key: Its configuration key.
        value: What it is.
        remedy: What would be right.
    """

    key: str
    value: Any
    remedy: str


Rule = tuple[str, Callable[[Any], bool], str]
Limit = tuple[Callable[[Any], bool], str]


def at_least(low: float) -> Limit:
    """Rule of a number that is not below `low`."""
    return lambda value: low <= value < math.inf, f"{low} or more"


def above(low: float) -> Limit:
    """Rule of a number greater than `low`."""
    return lambda value: low < value < math.inf, f"a number above {low}"


def between(low: int, high: int) -> Limit:
    """Rule of a number in a closed interval."""
    return lambda value: low <= value <= high, f"{low} to {high:,}"


def whole(low: int, *words: str) -> Limit:
    """Rule of a whole number that is not below `low`, or of one of the words."""
    text = " or ".join((f"a whole number, {low} or more", *words))
    return lambda value: value in words or (_is_whole(value) and value >= low), text


def one_of(names: tuple[str, ...]) -> Limit:
    """Rule of a name from a list."""
    return lambda value: value in names, "one of " + ", ".join(names)


def broken(settings: object, rules: tuple[Rule, ...]) -> Iterator[Finding]:
    """Yield the values that break a rule, those of another type among them.

    Args:
        settings: Dataclasses and mappings.
        rules: Keys that the settings do not have are left out.
    """
    for key, holds, remedy in rules:
        value = _value(settings, key)
        # Null is a matter of type: where it is allowed, it means "none" and obeys no bound.
        if value is not None and not _holds(holds, value):
            yield Finding(key=key, value=value, remedy=remedy)


def too_large(settings: object, path: str = "") -> Iterator[Finding]:
    """Yield the numbers that no machine can count to, and those that are none.

    Args:
        settings: Dataclasses and mappings, lists in them.
        path: Key of the settings.
    """
    if path in EXEMPT:
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


def _holds(holds: Callable[[Any], bool], value: Any) -> bool:
    try:
        return holds(value)
    except TypeError:  # A text where a number belongs.
        return False


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _value(settings: object, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part)
    return value
