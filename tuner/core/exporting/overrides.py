"""A trial's parameters as Hydra overrides on one line of a shell."""

import re
import shlex
from collections.abc import Mapping

from tuner.core.trial import Scalar

_PLAIN = re.compile(r"[A-Za-z_/](?:[\w./:@-]*[\w/])?", re.ASCII)
"""Texts that Hydra's grammar takes as they are."""

_BEFORE_QUOTE = re.compile(r"(\\*)('|$)")

_WORDS = ("null", "true", "false", "inf", "nan")


def as_overrides(parameters: Mapping[str, Scalar]) -> str:
    """The overrides, choices of groups first, quoted for Hydra and for the shell."""
    keys = sorted(parameters, key=lambda key: ("." in key, key))
    return " ".join(override(key, parameters[key]) for key in keys)


def override(key: str, value: Scalar) -> str:
    """Override of one key, quoted for Hydra and for the shell.

    Args:
        key: For instance `study`.
        value: As the key takes it.
    """
    return shlex.quote(f"{key}={_literal(value)}")


def _literal(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if '"' not in value and "\\" not in value:
        return f'"{value}"'
    # Hydra takes a backslash for itself unless a quote follows.
    escaped = _BEFORE_QUOTE.sub(lambda found: found[1] * 2 + ("\\'" if found[2] else ""), value)
    return f"'{escaped}'"
