"""Our frozen dataclasses as plain JSON values, and back: for the wire, the study and the files."""

import inspect
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import cattrs
from cattrs.gen import make_dict_structure_fn

from tuner.fields.registry import Registry
from tuner.settings.registries import REGISTRIES
from tuner.tasks import Baseline
from tuner.tasks.confusion import binomial_error, confusion_error
from tuner.trial.records import FixedRows, Report, Scalar

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


def _read_old(kind: type[Any], rename: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Make the converter read what earlier versions wrote of a record, too."""
    structure = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)
    converter.register_structure_hook(kind, lambda plain, _: structure(rename(plain), kind))


def _baseline(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Before tasks there was classification alone, whose first score is the accuracy."""
    new = dict(plain)
    if "accuracy" in new:
        new["score"] = new.pop("accuracy")
    return new


def _fixed_rows(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The first versions knew Matthews' coefficient alone.

    1 / sqrt(rows) is its largest standard deviation under independence, that of two labels.
    """
    new = dict(plain)
    if "accuracy" in new:
        new["score"] = new.pop("accuracy")
        mcc = new.pop("mcc")
        if new.get("association") is None:
            new["association"] = mcc * math.sqrt(new["examples"])
        within = new.pop("error_within_labels", None)
        new["error_within_strata"] = new["loss_error"] if within is None else within
    return new


def _report(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Standard errors follow from the confusion matrix, or from the accuracy alone."""
    new = dict(plain)
    if "errors" not in new:
        confusion, rows = new.get("confusion"), new["validation_examples"]
        accuracy = new["metrics"].get("val_accuracy", math.nan)
        if confusion:
            names = ("accuracy", "macro_f1", "mcc")
            new["errors"] = {f"val_{name}": confusion_error(confusion, name) for name in names}
        elif rows > 0 and 0.0 <= accuracy <= 1.0:
            new["errors"] = {"val_accuracy": binomial_error(accuracy, rows)}
    return new


_read_old(Baseline, _baseline)
_read_old(FixedRows, _fixed_rows)
_read_old(Report, _report)


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
