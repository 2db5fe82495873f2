"""Our frozen dataclasses as plain JSON values, and back: for the wire, the study and the files."""

import inspect
import json
from collections.abc import Callable
from typing import Any, TypeVar

import cattrs

from tuner.fields.registry import Registry
from tuner.settings.registries import REGISTRIES
from tuner.trial.records import Scalar

T = TypeVar("T")


def register_components(converter: cattrs.Converter) -> None:
    """Make a converter write components as mappings with a name, and read them by it."""
    for registry in REGISTRIES.values():
        converter.register_structure_hook(registry.base, _reader(registry))
        converter.register_unstructure_hook_func(_derives_from(registry.base), registry.to_record)


def _reader(registry: Registry[Any]) -> Callable[[Any, Any], Any]:
    return lambda plain, _: registry.from_mapping(plain)


def _derives_from(base: type) -> Callable[[Any], bool]:
    return lambda kind: inspect.isclass(kind) and issubclass(kind, base)


converter = cattrs.Converter(forbid_extra_keys=True)
# A searched value travels as the JSON value that it is: str, int, float, bool or null.
converter.register_structure_hook(Scalar, lambda value, _: value)
register_components(converter)


def to_plain(record: Any) -> Any:
    """Return a record as nested dicts and lists of JSON values."""
    return converter.unstructure(record)


def from_plain(kind: type[T], plain: Any) -> T:
    """Return the record that `to_plain` was given.

    Raises:
        cattrs.BaseValidationError: The values do not make such a record.
    """
    return converter.structure(plain, kind)


def to_json(record: Any) -> str:
    """Return a record as one line of JSON; NaN and Infinity as Python writes them."""
    return json.dumps(to_plain(record))


def from_json(kind: type[T], text: str | bytes) -> T:
    """Return the record that `to_json` was given."""
    return from_plain(kind, json.loads(text))
