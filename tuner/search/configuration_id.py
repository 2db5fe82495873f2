"""Identity of configurations: equal for trials that would give the same result."""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from tuner.trial.records import Scalar

WITHOUT_EFFECT = ("training.save_state", "training.profile", "data.test")
"""Keys that never affect the result of a trial."""

_ABSENT = "absent"
"""Value of a key that one of two configurations lacks; it is not valid JSON."""


def configuration_id(settings: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    """Return an id that is equal for two trials of a study with the same result.

    Only differences from the base count, so that moved data, or a key that a later version added,
    change nothing. The seed is part of the configuration.

    settings: Configuration of a trial as plain values.
        base: Configuration of the untuned default as plain values.
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
    """Return values as text: equal for 4 and 4.0, different for 1 and true."""
    return json.dumps({key: _whole(value) for key, value in values.items()}, sort_keys=True)


def _leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            # As text, because True equals 1.
            yield f"{prefix}{key}", json.dumps(_whole(value))


def _whole(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
