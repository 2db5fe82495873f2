"""Values in messages as a configuration or a JSON file writes them, never as Python does."""

from collections.abc import Mapping, Sequence
from typing import Any

_DEEPEST = 8
"""Levels of lists and mappings that are shown."""


def value_text(value: Any, depth: int = 0) -> str:
    """Return a value as people write it: `null`, `true`, `[a, 1]`, `{key: value}`, `'text'`.

    Args:
        value: A scalar, or lists and mappings of values.
        depth: Level of the value; what lies too deep is `…`.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if depth > _DEEPEST and isinstance(value, Mapping | list | tuple):
        return "…"
    if isinstance(value, Mapping):
        pairs = (f"{_item(key, depth)}: {_item(item, depth)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"[{', '.join(_item(item, depth) for item in value)}]"
    return repr(value)


def _item(value: Any, depth: int) -> str:
    """A value inside a list or a mapping, where a plain word needs no quotes."""
    if isinstance(value, str) and value.isidentifier() and value.lower() not in _WORDS:
        return value
    return value_text(value, depth + 1)


_WORDS = ("null", "true", "false")
"""Words that are no texts unless they are quoted."""
