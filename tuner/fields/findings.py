"""Values that their fields do not allow."""

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from typing import Any

from tuner.fields.declared import declared


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A value that cannot be right."""

    key: str
    """Its configuration key."""

    value: Any
    """Value that was given."""

    remedy: str
    """Values that are allowed, in words, or an override that is right."""


def out_of_bounds(settings: object, path: str = "") -> Iterator[Finding]:
    """Yield the values that their fields do not allow, those of settings inside among them.

    Args:
        settings: Dataclass; null obeys no bound, since it is a matter of type.
        path: Key of the settings.
    """
    kind: type = type(settings)
    for item in declared(kind):
        value, key = getattr(settings, item.name), f"{path}.{item.name}" if path else item.name
        if is_dataclass(value):
            yield from out_of_bounds(value, key)
        elif value is not None and item.bounds is not None and not item.bounds.admits(value):
            yield Finding(key=key, value=value, remedy=item.bounds.text)
