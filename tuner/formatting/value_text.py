"""Values in messages as a configuration or a JSON file writes them, never as Python does."""

from collections.abc import Mapping, Sequence
from typing import Any


def value_text(value: Any) -> str:
    """Return a value as people write it: `null`, `true`, `[a, 1]`, `{key: value}`, `'text'`.

    Args:
        value: A scalar, or lists and mappings of values.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        pairs = (f"{_item(key)}: {_item(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"[{', '.join(map(_item, value))}]"
    return repr(value)


def _item(value: Any) -> str:
    """A value inside a list or a mapping, where a plain word needs no quotes."""
    if isinstance(value, str) and value.isidentifier() and value.lower() not in _WORDS:
        return value
    return value_text(value)


_WORDS = ("null", "true", "false")
"""Words that are no texts unless they are quoted."""
