"""The complete configuration of a trial as MLflow's params."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tuner.secrets import hidden

NAME_LENGTH = 250
"""Longest param name that MLflow allows, in characters."""

_REFUSED = re.compile(r"[^\w.\- ]")
"""Characters that are replaced in a param name; MLflow takes a slash for a folder."""


def configuration_params(config: str, searched: Mapping[str, str]) -> dict[str, str]:
    """Return a configuration by flat keys, as `optimizer.learning_rate`; secrets are masked.

    Args:
        config: Configuration of the trial as YAML; anything but a mapping gives no params.
        searched: Params of the search, which come first; a group among them, as `schedule`, stands
            for its `schedule.name`.
    """
    params = _params(config)
    names = [f"{key}.name" for key in searched]
    rest = {key: params[key] for key in params if key not in searched and key not in names}
    return {**searched, **rest}


def _params(config: str) -> dict[str, str]:
    try:
        content = yaml.safe_load(config)
    except yaml.YAMLError:
        return {}
    if not isinstance(content, Mapping):
        return {}
    return {_REFUSED.sub("_", key)[:NAME_LENGTH]: value for key, value in _flat(content, "")}


def _flat(content: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{key}.")
        else:
            yield key, hidden(json.dumps(value) if isinstance(value, list) else str(value))
