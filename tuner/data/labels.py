"""Label names and their numbers, determined by the training rows only.

Labels stay as they are written: `01`, `1` and `+1` are three labels. The exception is a column of
whole-number floats (1.0, 2.0), as tables with a missing value are saved: its labels are integers.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.data.table import Examples, shortened
from tuner.errors import InputError

_INTEGER = re.compile(r"-?\d{1,300}")
_PLAIN_INTEGER = re.compile(r"0|-?[1-9]\d{0,299}")
"""An integer in its usual form."""
_WHOLE_FLOAT = re.compile(r"(0|-?[1-9]\d{0,299})\.0*")
_NUMBER = re.compile(r"([+-]?)(\d{1,300})(?:\.(\d*))?")


def label_names(train: Examples) -> tuple[str, ...]:
    """Return the distinct labels in the order of their numbers: by value, or else by name.

    Raises:
        InputError: There is only one label, so that nothing can be learned; or the labels are
            numbers with fractions.
    """
    written = set(train.labels)
    if not train.classes:
        _refuse_fractions(written, train.where)
        written = _integers(written) or written
    names = sorted(written)
    if all(_INTEGER.fullmatch(name) for name in names):
        names.sort(key=int)
    if len(names) == 1:
        raise InputError(
            f"all rows have the same label, {names[0]!r}",
            where=f"data.label, in {train.where}",
            remedy="at least two labels; check that data.label is the right column",
        )
    return tuple(names)


def _integers(written: set[str]) -> set[str] | None:
    """Return the integers of whole-number floats; None unless all are, each in one form."""
    found = [_WHOLE_FLOAT.fullmatch(label) for label in written]
    integers = {match[1] for match in found if match}
    return integers if len(integers) == len(written) and all(found) else None


def _refuse_fractions(written: Iterable[str], where: str) -> None:
    numbers = {label: _NUMBER.fullmatch(label) for label in written}
    fractions = sorted(label for label, number in numbers.items() if number and _fraction(number))
    if fractions and all(numbers.values()):
        raise InputError(
            f"labels are numbers with fractions, such as {shortened(fractions)}",
            where=f"data.label, in {where}",
            remedy="whole numbers or texts as labels; this is classification, not regression",
        )


def _fraction(number: re.Match[str]) -> str:
    return (number[3] or "").rstrip("0")


def spelled_as_known(labels: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return labels in the form of the label names; unknown ones stay as they are.

    Args:
        labels: Labels of a source.
        names: Label names from the training rows.
    """
    known = set(names)
    if not all(_PLAIN_INTEGER.fullmatch(name) for name in known):
        return tuple(labels)
    # Floats of a whole column or of some rows: the decision for training applies to each.
    wholes = {label: _WHOLE_FLOAT.fullmatch(label) for label in set(labels) - known}
    integers = {label: match[1] for label, match in wholes.items() if match and match[1] in known}
    return tuple(integers.get(label, label) for label in labels)


def with_known_labels(examples: Examples, names: Sequence[str]) -> Examples:
    """Return rows with their labels in the form of the label names.

    Args:
        examples: Training, validation or test rows.
        names: Label names from the training rows.

    Raises:
        InputError: There are labels that are not in the training rows.
    """
    labels = spelled_as_known(examples.labels, names)
    unknown = sorted(set(labels).difference(names))
    if unknown:
        alike = {normalized_label(name): name for name in names}
        near = [
            f"{u!r} ({alike[normalized_label(u)]!r})"
            for u in unknown
            if normalized_label(u) in alike
        ]
        hint = f"; there in another form: {shortened(near)}" if near else ""
        raise InputError(
            f"there are labels that are not in the training rows: {shortened(unknown)}",
            where=f"data.label, in {examples.where}",
            remedy=f"labels of the training rows: {shortened(list(names), 20)}{hint}",
        )
    return replace(examples, labels=labels)


def normalized_label(label: str) -> str:
    """Return a label's common form with those that a reader would take for the same.

    That is the label without its case, surrounding and repeated blanks, invisible characters, its
    Unicode form, and the zeros and sign of a number.
    """
    shown = unicodedata.normalize("NFKC", label).casefold()
    shown = "".join(c for c in shown if unicodedata.category(c) != "Cf")
    shown = " ".join(unicodedata.normalize("NFKC", shown).split())
    number = _NUMBER.fullmatch(shown)
    if number is None:
        return shown
    whole, fraction = number[2].lstrip("0") or "0", _fraction(number)
    sign = "-" if number[1] == "-" and (whole, fraction) != ("0", "") else ""
    return f"{sign}{whole}.{fraction}"


def encode(examples: Examples, labels: Sequence[str]) -> NDArray[np.int32]:
    """Return the number of each row's label; shape [rows]."""
    number = {name: i for i, name in enumerate(labels)}
    return np.fromiter((number[name] for name in examples.labels), np.int32, len(examples))


def given_weights(setting: Mapping[Any, Any], labels: Sequence[str]) -> dict[str, float]:
    """Return the weight of each label from the configuration.

    Args:
        setting: Mapping `training.class_weights`.
        labels: Names of the labels in the data.

    Raises:
        InputError: The mapping has other labels than the data.
    """
    names = spelled_as_known([str(label) for label in setting], labels)
    given = {name: float(w) for name, w in zip(names, setting.values(), strict=True)}
    if set(given) != set(labels) or len(given) < len(names):
        missing = ", ".join(label for label in labels if label not in given)
        unknown = ", ".join(label for label in given if label not in labels)
        twice = ", ".join(name for name in given if names.count(name) > 1)
        problems = [f"has no weight for {missing}"] if missing else []
        problems += [f"has {twice} twice"] if twice else []
        problems += [f"has {unknown}, which is not in the data"] if unknown else []
        raise InputError(
            f"training.class_weights {' and '.join(problems)}",
            where="training.class_weights",
            remedy=f"a weight for each of {', '.join(labels)}",
        )
    return given
