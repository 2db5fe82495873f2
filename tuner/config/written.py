"""Texts as they were written, which YAML or Hydra would convert.

A label `no`, a column `2024` and a commit `12e4567` are texts, although YAML and Hydra read them
as truth values and numbers. Where a key holds texts, the written form counts.
"""

import dataclasses
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

import yaml

from tuner.config.schema import CLOSED
from tuner.fields.declared import declared
from tuner.settings.registries import REGISTRIES

WRITTEN_VALUES = "data.where"
"""Mapping whose values are texts, including null."""

WRITTEN_KEYS = (WRITTEN_VALUES, "training.class_weights")
"""Mappings whose keys are texts: names of columns and of labels."""


def holds_text(key: str) -> bool:
    """Return True if the value of a key is a text."""
    return key.startswith(f"{WRITTEN_VALUES}.") or _types().get(key) in (str, str | None)


def holds_texts(key: str) -> bool:
    """Return True if the value of a key is a list of texts."""
    return _types().get(key) in (list[str], list[str] | None)


@cache
def _types() -> dict[str, Any]:
    components = (
        (group, kind) for group, registry in REGISTRIES.items() for kind in registry.bundled()
    )
    kinds = (*CLOSED.items(), *components)
    return dict(pair for group, kind in kinds for pair in _of_class(kind, group))


def _of_class(kind: type, prefix: str) -> Iterator[tuple[str, Any]]:
    for item in declared(kind):
        inner = next(filter(dataclasses.is_dataclass, (item.type, *get_args(item.type))), None)
        if isinstance(inner, type):
            yield from _of_class(inner, f"{prefix}.{item.name}")
        else:
            yield f"{prefix}.{item.name}", item.type


def quote_texts(text: str, root: yaml.Node | None, group: str = "") -> str:
    """Quote the plain texts of a YAML file that would be read as other values.

    Args:
        text: Content of the file.
        root: Result of `yaml.compose`.
        group: Group of the option in the file; empty for a file of whole groups.
    """
    parts, end = [], 0
    for scalar in sorted(set(_plain_texts(root, group)), key=lambda node: node.start_mark.index):
        start = scalar.start_mark.index
        if text[start : start + 1] in "&!":  # An anchor or a tag, which must stay.
            continue
        parts += [text[end:start], json.dumps(scalar.value, ensure_ascii=False)]
        end = scalar.end_mark.index
    return "".join([*parts, text[end:]])


def _plain_texts(node: yaml.Node | None, path: str) -> Iterator[yaml.ScalarNode]:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            continue
        below = f"{path}.{key.value}" if path else key.value
        if path in WRITTEN_KEYS and key.style is None:
            yield key
        null = value.tag == "tag:yaml.org,2002:null" and path != WRITTEN_VALUES
        if isinstance(value, yaml.ScalarNode) and value.style is None and holds_text(below):
            yield from () if null or not value.value else (value,)
        if isinstance(value, yaml.SequenceNode) and holds_texts(below):
            items = (each for each in value.value if isinstance(each, yaml.ScalarNode))
            yield from (each for each in items if each.style is None and each.value)
        yield from _plain_texts(value, below)


def as_text(value: Any, written: str) -> Any:
    """Return a value of an override as a text; null, containers and `int(...)` are kept.

    Args:
        value: Value as Hydra reads it.
        written: Value as it was written.
    """
    plain = isinstance(value, bool | int | float) and "(" not in written
    return written.strip() if plain else value


def split_items(written: str) -> list[str]:
    """Split a list or a mapping of an override into its items as they were written.

    Args:
        written: Text `[item, ...]` or `{key: value, ...}`, which Hydra has accepted.
    """
    inside = written.strip()[1:-1]
    return _split(inside, ",") if inside.strip() else []


def split_mapping(written: str) -> list[tuple[str, str]]:
    """Split a mapping of an override into its keys and values as they were written.

    Args:
        written: Text `{key: value, ...}`, which Hydra has accepted.
    """
    pairs = (_split(item, ":", 1) for item in split_items(written))
    return [(key, value) for key, value in pairs]


def _split(text: str, separator: str, most: int | None = None) -> list[str]:
    """Split a text where a separator is outside of quote marks and brackets, `most` times."""
    parts: list[str] = []
    start = depth = 0
    quote, escaped = "", False
    for place, character in enumerate(text):
        if escaped or (quote and character != quote):
            escaped = not escaped and character == "\\"
        elif character == "\\":
            escaped = True
        elif character in "'\"":
            quote = "" if quote else character
        elif character == separator and depth == 0 and len(parts) != most:
            parts.append(text[start:place].strip())
            start = place + 1
        else:
            depth += (character in "{[(") - (character in "}])")
    return [*parts, text[start:].strip()]
