"""Label names and their numbers, by the training rows alone.

Labels stay as they are written: `01`, `1` and `+1` are three. A column of nothing but whole-number
floats (1.0, 2.0), as tables with a missing value are saved, is the exception: it has integers.
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
"""An integer as a computer writes it."""
_WHOLE_FLOAT = re.compile(r"(0|-?[1-9]\d{0,299})\.0*")
_NUMBER = re.compile(r"([+-]?)(\d{1,300})(?:\.(\d*))?")


def label_names(train: Examples) -> tuple[str, ...]:
    """The distinct labels in the order of their numbers: whole numbers by value, else by name.

    Raises:
        InputError: There is one only, so that nothing can be learned; or they are numbers with
            fractions.
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
            remedy="at least two labels; is data.label the right column?",
        )
    return tuple(names)


def _integers(written: set[str]) -> set[str] | None:
    """Return the integers of whole-number floats; None unless all are such, each spelt one way."""
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


def spelled(labels: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return labels as the label names spell them; those that are none of them stay as they are.

    Args:
        labels: As a source has them.
        names: As the training rows decided.
    """
    known = set(names)
    if not all(_PLAIN_INTEGER.fullmatch(name) for name in known):
        return tuple(labels)
    # Floats of a whole column or of some rows: what was decided for training holds for each.
    wholes = {label: _WHOLE_FLOAT.fullmatch(label) for label in set(labels) - known}
    integers = {label: match[1] for label, match in wholes.items() if match and match[1] in known}
    return tuple(integers.get(label, label) for label in labels)


def with_known_labels(examples: Examples, names: Sequence[str]) -> Examples:
    """Return rows with their labels as the label names spell them.

    Args:
        examples: Training, validation or test rows.
        names: As the training rows decided.

    Raises:
        InputError: There are labels that training has not; names them as they are written.
    """
    labels = spelled(examples.labels, names)
    unknown = sorted(set(labels).difference(names))
    if unknown:
        alike = {look_alike(name): name for name in names}
        near = [f"{u!r} ({alike[look_alike(u)]!r})" for u in unknown if look_alike(u) in alike]
        hint = f"; spelled otherwise there: {shortened(near)}" if near else ""
        raise InputError(
            f"there are labels that training has not: {shortened(unknown)}",
            where=f"data.label, in {examples.where}",
            remedy=f"labels of the training rows: {shortened(list(names), 20)}{hint}",
        )
    return replace(examples, labels=labels)


def look_alike(label: str) -> str:
    """Return what a label has in common with those that a reader would take for the same.

    That is the label without its case, its surrounding and repeated blanks, characters that do not
    show, its Unicode form, and the zeros and the sign of a number.
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
    """Number of each row's label; shape [rows]."""
    number = {name: i for i, name in enumerate(labels)}
    return np.fromiter((number[name] for name in examples.labels), np.int32, len(examples))


def given_weights(setting: Mapping[Any, Any], labels: Sequence[str]) -> dict[str, float]:
    """The weight of each label as a configuration gives it.

    Args:
        setting: `training.class_weights` as a mapping.
        labels: Names of the labels that the data has.

    Raises:
        InputError: The mapping names other labels than the data has.
    """
    names = spelled([str(label) for label in setting], labels)
    given = {name: float(w) for name, w in zip(names, setting.values(), strict=True)}
    if set(given) != set(labels) or len(given) < len(names):
        missing = ", ".join(label for label in labels if label not in given)
        unknown = ", ".join(label for label in given if label not in labels)
        twice = ", ".join(name for name in given if names.count(name) > 1)
        problems = [f"has no weight for {missing}"] if missing else []
        problems += [f"names {twice} twice"] if twice else []
        problems += [f"names {unknown}, which the data does not have"] if unknown else []
        raise InputError(
            f"training.class_weights {' and '.join(problems)}",
            where="training.class_weights",
            remedy=f"a weight for each of {', '.join(labels)}",
        )
    return given
