"""Label names and their numbers, determined by the training rows only.

Labels stay as they are written: `01`, `1` and `+1` are three labels. The exception is a column of
whole-number floats (1.0, 2.0), as tables with a missing value are saved: its labels are integers.
"""

import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tuner.errors import InputError
from tuner.formatting.value_text import value_text
from tuner.tasks.cells import Column, as_text, items_of, shortened

_INTEGER = re.compile(r"-?\d{1,300}")
_PLAIN_INTEGER = re.compile(r"0|-?[1-9]\d{0,299}")
"""An integer in its usual form."""
_WHOLE_FLOAT = re.compile(r"(0|-?[1-9]\d{0,299})\.0*")
_NUMBER = re.compile(r"([+-]?)(\d{1,300})(?:\.(\d*))?")


def read_labels(column: Column) -> tuple[str, ...]:
    """Return the label of each row: texts as they are written, numbers by their value.

    Raises:
        InputError: A row has no label, or a value that is no text, number or truth value.
    """
    column.refuse_missing()
    cells = column.cells
    for index, cell in enumerate(cells):
        if not isinstance(cell, str | int | float):
            raise column.refuse(
                f"the column holds {type(cell).__name__} values, not one label per row",
                index,
                f"a column of texts or whole numbers{_other_task(cell)}",
            )
    names = tuple(
        as_text(cell, f"column {column.name!r}, row {row + 1} of {column.where}")
        for cell, row in zip(cells, column.rows, strict=True)
    )
    return by_value(names, cells)


def _other_task(cell: Any) -> str:
    """Return the tasks whose targets look like a cell, as the end of a remedy."""
    if items_of(cell) is not None:
        return "; or task=multilabel or task=token_classification, whose rows have lists"
    if isinstance(cell, Mapping):
        return "; or task=question_answering, whose rows have answers"
    return ""


def by_value(names: Sequence[str], cells: Sequence[Any]) -> tuple[str, ...]:
    """Return labels by their value if all are numbers, else as they are written.

    Among numbers 1 and 1.0 are the same.

    Args:
        names: Text of each label.
        cells: Each label as the source has it.
    """
    if any(isinstance(cell, str | bool) for cell in cells):
        return tuple(names)
    # 2**60 has no float of its own.
    return tuple(
        name if isinstance(cell, int) or not cell.is_integer() else str(int(cell))
        for name, cell in zip(names, cells, strict=True)
    )


def label_names(labels: Iterable[str], where: str, *, classes: bool = False) -> tuple[str, ...]:
    """Return the distinct labels in the order of their numbers.

    Whole numbers are ordered by value, other labels by name.

    Args:
        labels: Labels of the training rows.
        where: File or data set, for messages.
        classes: True if they are names of classes or columns, which are never respelled.

    Raises:
        InputError: There is only one label, so that nothing can be learned; or the labels are
            numbers with fractions.
    """
    written = set(labels)
    if not classes:
        _refuse_fractions(written, where)
        written = _integers(written) or written
    names = sorted(written)
    if are_whole(names):
        names.sort(key=int)
    if len(names) == 1:
        raise InputError(
            f"all rows have the same label, {names[0]!r}",
            where=f"data.label, in {where}",
            remedy="data.label=COLUMN with at least two labels",
        )
    return tuple(names)


def are_whole(names: Iterable[str]) -> bool:
    """True if all labels are whole numbers."""
    return all(_INTEGER.fullmatch(name) for name in names)


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
            remedy="task=regression, which predicts numbers; or whole numbers or texts as labels",
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


def known_labels(labels: Sequence[str], names: Sequence[str], where: str) -> tuple[str, ...]:
    """Return labels as the label names spell them.

    Args:
        labels: Labels of training, validation or test rows.
        names: Label names, as the training rows decide them.
        where: File or data set, for messages.

    Raises:
        InputError: A label is none of the training rows'; the message names it as it is written.
    """
    found = spelled_as_known(labels, names)
    unknown = sorted(set(found).difference(names))
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
            where=f"data.label, in {where}",
            remedy=f"labels of the training rows: {shortened(list(names), 20)}{hint}",
        )
    return found


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
        wanted = {label: given.get(label, 1.0) for label in labels}
        raise InputError(
            f"training.class_weights {' and '.join(problems)}",
            where="training.class_weights",
            remedy=shlex.quote(f"training.class_weights={value_text(wanted)}"),
        )
    return given
