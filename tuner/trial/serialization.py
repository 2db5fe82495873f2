"""Our frozen dataclasses as plain JSON values, and back: for the wire, the study and the files."""

import json
from typing import Any, TypeVar

import cattrs

from tuner.trial.records import Scalar

T = TypeVar("T")

converter = cattrs.Converter(forbid_extra_keys=True)
# A searched value travels as the JSON value that it is: str, int, float, bool or null.
converter.register_structure_hook(Scalar, lambda value, _: value)


def to_plain(record: Any) -> Any:
    """A record as nested dicts and lists of JSON values."""
    return converter.unstructure(record)


def from_plain(kind: type[T], plain: Any) -> T:
    """The record that `to_plain` was given.

    Raises:
        cattrs.BaseValidationError: The values do not make such a record.
    """
    return converter.structure(plain, kind)


def to_json(record: Any) -> str:
    """A record as one line of JSON; NaN and Infinity as Python writes them."""
    return json.dumps(to_plain(record))


def from_json(kind: type[T], text: str | bytes) -> T:
    """The record that `to_json` was given."""
    return from_plain(kind, json.loads(text))
