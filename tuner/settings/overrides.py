"""Values as Hydra overrides on one line of a shell."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/](?:[\w./:@-]*[\w/])?", re.ASCII)
"""Texts that Hydra's grammar takes as they are."""

_BEFORE_QUOTE = re.compile(r"(\\*)('|$)")

_WORDS = ("null", "true", "false", "inf", "nan")

_IN_KEY = re.compile(r"[^\w./-]", re.ASCII)
"""Characters that Hydra's grammar takes in a mapping's key after a backslash alone."""


def as_overrides(parameters: Mapping[str, Any]) -> str:
    """The overrides, choices of groups first, quoted for Hydra and for the shell.

    Args:
        parameters: Key to a scalar, a list or a mapping.
    """
    keys = sorted(parameters, key=lambda key: ("." in key, key))
    return " ".join(override(key, parameters[key]) for key in keys)


def override(key: str, value: Any) -> str:
    """Override of one key, quoted for Hydra and for the shell.

    Args:
        key: For instance `study`.
        value: As the key takes it.
    """
    return shlex.quote(hydra_override(key, value))


def hydra_override(key: str, value: Any) -> str:
    """Return the override of one key, quoted for Hydra alone.

    Args:
        key: For instance `study`.
        value: As the key takes it.
    """
    return f"{key}={expression(value)}"


def delete_key(key: str) -> str:
    """The override that deletes a key, quoted for the shell."""
    return shlex.quote(f"~{key}")


def expression(value: Any) -> str:
    """Return a value in Hydra's grammar of overrides."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return _text(value)
        case Mapping():
            pairs = (f"{_key(str(key))}: {expression(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join(map(expression, value))}]"
    return repr(value)


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if '"' not in value and "\\" not in value:
        return f'"{value}"'
    # Hydra takes a backslash for itself unless a quote follows.
    escaped = _BEFORE_QUOTE.sub(lambda found: found[1] * 2 + ("\\'" if found[2] else ""), value)
    return f"'{escaped}'"


def _key(name: str) -> str:
    return _IN_KEY.sub(lambda found: f"\\{found[0]}", name)
