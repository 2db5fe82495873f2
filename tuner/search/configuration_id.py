"""When two trials of a study are the same configuration, however their values were written."""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from tuner.trial.records import Scalar

WITHOUT_EFFECT = ("training.save_state", "training.profile", "data.test")
"""Keys that never decide what a trial gives."""

_ABSENT = "absent"
"""Stands for a key that one of two configurations does not have; it is no JSON text."""


def configuration_id(settings: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    """Return what is the same for two trials of one study that would give the same result.

    What differs from the base is compared, so that data which moved to another place, or a key
    that a later version added, changes nothing. The seed is a part of the configuration.

    Args:
        settings: A trial's configuration as plain values.
        base: The untuned default's, likewise.
    """
    own, default = dict(_leaves(settings)), dict(_leaves(base))
    changed = {
        key: own.get(key, _ABSENT)
        for key in own.keys() | default.keys()
        if own.get(key, _ABSENT) != default.get(key, _ABSENT) and key not in WITHOUT_EFFECT
    }
    return blake2b(canonical(changed).encode(), digest_size=12).hexdigest()


def canonical(values: Mapping[str, Scalar] | Mapping[str, Any]) -> str:
    """Return values as text: the same for 4 and 4.0, another one for 1 and true."""
    return json.dumps({key: _whole(value) for key, value in values.items()}, sort_keys=True)


def _leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            # As text, since True equals 1.
            yield f"{prefix}{key}", json.dumps(_whole(value))


def _whole(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
