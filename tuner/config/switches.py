"""Sections that `true` or `false` switches on or off: those with the field `enabled`."""

import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tuner.config.schema import CLOSED
from tuner.fields.declared import declared

ENABLED = "enabled"
"""Field that the switch of a section sets."""


def switched_key(key: str, value: Any) -> str:
    """Return the key that an override sets, `sweep.soup.enabled` for `sweep.soup=false`."""
    return f"{key}.{ENABLED}" if isinstance(value, bool) and key in switches() else key


def expand_switches(node: DictConfig, group: str) -> None:
    """Replace each switch in the content of a file by its section.

    Args:
        node: Content of the file.
        group: Group of the option in the file; empty for a file of whole groups.
    """
    prefix = f"{group}." if group else ""
    for key in switches():
        if key.startswith(prefix):
            place = key.removeprefix(prefix)
            value = OmegaConf.select(node, place)
            if isinstance(value, bool):
                OmegaConf.update(node, place, {ENABLED: value}, merge=False)


@cache
def switches() -> tuple[str, ...]:
    """Return the keys of all sections with a switch."""
    return tuple(found for group, kind in CLOSED.items() for found in _of_class(kind, group))


def _of_class(kind: type, prefix: str) -> Iterator[str]:
    for item in declared(kind):
        if isinstance(item.type, type) and dataclasses.is_dataclass(item.type):
            key = f"{prefix}.{item.name}"
            if any(each.name == ENABLED for each in declared(item.type)):
                yield key
            yield from _of_class(item.type, key)
