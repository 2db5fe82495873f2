"""Rows as they were read, and the labelled texts that they become when they are checked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tuner.checkpoints.content import combined_hash
from tuner.errors import InputError
from tuner.formatting.suggestion import nearest
from tuner.settings.settings import DataSettings

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Table:
    """The wanted columns of one source, unchecked."""

    where: str
    """File or data set, for messages."""
    columns: tuple[str, ...]
    """Names of all columns that the source has, wanted or not."""
    values: Mapping[str, Sequence[Any]]
    """Wanted column to its cells; None for a cell without a value."""
    read_as: tuple[str, ...] = ()
    """Lines on how the source was read, if that is not obvious."""
    notes: tuple[str, ...] = ()
    """Warnings about probable damage, as sentences."""
    classes: frozenset[str] = frozenset()
    """Columns with class names by their type, not texts of a file."""


@dataclass
class Remarks:
    """Remarks on how data was read."""

    read_as: list[str] = field(default_factory=list)
    """Lines on how sources were read, if that is not obvious."""

    notes: list[str] = field(default_factory=list)
    """Warnings as sentences."""

    def lines(self) -> list[str]:
        """Return the remarks for a terminal, warnings last."""
        return [*self.read_as, *(f"warning: {note}" for note in self.notes)]

    def of(self, table: Table) -> Table:
        """Add a table's own remarks and return the table."""
        self.read_as += table.read_as
        self.notes += table.notes
        return table


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Checked labelled texts."""

    where: str
    """File or data set, for messages."""
    texts: tuple[str, ...]
    """Text of each row."""
    pairs: tuple[str, ...] | None
    """Second text of each row; None for single texts."""
    labels: tuple[str, ...]
    """Label of each row, as in the source."""
    classes: bool = False
    """True if they are class names by their type, whose form is never changed."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> "Examples":
        """Return the rows of these indices, in this order."""
        return Examples(
            where=self.where,
            texts=tuple(self.texts[row] for row in rows),
            pairs=None if self.pairs is None else tuple(self.pairs[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            classes=self.classes,
        )

    @property
    def inputs(self) -> Sequence[tuple[str, str]]:
        """Text and second text of each row; the second one is empty for single texts."""
        return tuple(zip(self.texts, self.pairs or ("",) * len(self), strict=True))

    @property
    def content_hash(self) -> str:
        """Return the SHA-256 of texts and labels in their order."""
        pairs = () if self.pairs is None else ("pairs", *self.pairs)
        return combined_hash((*self.texts, *pairs, *self.labels))


def wanted_columns(data: DataSettings) -> tuple[str, ...]:
    """Return the columns that the settings name, each once."""
    names = [data.text, data.text_pair, data.label, *data.where]
    return tuple(dict.fromkeys(name for name in names if name is not None))


def to_examples(table: Table, data: DataSettings) -> Examples:
    """Filter and check a table.

    Raises:
        InputError: A column is missing, no row is left, or a text or label has no value or an
            unusable type.
    """
    _check_columns(table, data)
    rows = _matching_rows(table, data)
    texts = texts_of(table, data.text, "data.text", rows)
    pairs = None
    if data.text_pair is not None:
        pairs = texts_of(table, data.text_pair, "data.text_pair", rows)
    labels = labels_of(table, data.label, "data.label", rows)
    classes = data.label in table.classes
    return Examples(where=table.where, texts=texts, pairs=pairs, labels=labels, classes=classes)


def _check_columns(table: Table, data: DataSettings) -> None:
    keys = {"data.text": data.text, "data.label": data.label}
    if data.text_pair is not None:
        keys["data.text_pair"] = data.text_pair
    keys |= {f"data.where.{name}": name for name in data.where}
    for key, column in keys.items():
        if column not in table.columns:
            raise InputError(
                f"there is no column {column!r}",
                where=f"{key}, in {table.where}",
                remedy=f"{_suggestion(key, column, table)}one of: {', '.join(table.columns)}"
                f"{one_column_hint(table, 'data')}",
            )


def _suggestion(key: str, column: str, table: Table) -> str:
    """Return the column closest to a mistyped one, as the start of a remedy."""
    near = nearest(column, table.columns)
    if near is None:
        return ""
    section, _, condition = key.partition(".where.")
    return f"+{section}.where.{near}=VALUE; " if condition else f"{key}={near}; "


def one_column_hint(table: Table, section: str) -> str:
    """Return a hint for a file that seems to have only one column."""
    if len(table.columns) != 1:
        return ""
    return f"; or {section}.delimiter=CHARACTER if another one separates columns"


def _matching_rows(table: Table, data: DataSettings) -> Sequence[int]:
    """Return the indices of the rows for which every condition of `data.where` holds."""
    count = len(table.values[data.label])
    if count == 0:
        raise InputError("there are no rows", where=table.where, remedy="labelled texts")
    rows: Sequence[int] = range(count)
    for column, value in data.where.items():
        cells = table.values[column]
        rows = [row for row in rows if _has_value(cells[row], value)]
        if not rows:
            seen = dict.fromkeys(str(cell) for cell in cells if not is_missing(cell))
            raise InputError(
                f"no row has {value!r} in column {column!r}",
                where=f"data.where.{column}, in {table.where}",
                remedy=f"one of: {shortened(list(seen))}",
            )
    return rows


def _has_value(cell: Any, value: str) -> bool:
    """Return True if a cell has a value: texts as written, others by their value."""
    if isinstance(cell, bool):
        return str(cell).lower() == value.lower()
    if is_missing(cell) or str(cell) == value or not isinstance(cell, int | float):
        return not is_missing(cell) and str(cell) == value
    try:
        return bool(Decimal(value) == cell if isinstance(cell, int) else float(value) == cell)
    except (ArithmeticError, ValueError):
        return False


def texts_of(table: Table, column: str, key: str, rows: Sequence[int]) -> tuple[str, ...]:
    """Return the texts of some rows.

    Args:
        table: Table with the column.
        column: Name of the column.
        key: Configuration key that named it, for messages.
        rows: Indices of the rows.

    Raises:
        InputError: A row has no text, or something else.
    """
    cells = table.values[column]
    _refuse_missing(table, key, [row for row in rows if is_missing(cells[row])], "no text")
    odd = next((row for row in rows if not isinstance(cells[row], str | int | float)), None)
    if odd is not None:
        raise InputError(
            f"the column holds {type(cells[odd]).__name__} values, not text",
            where=f"{key}={column}, row {odd + 1} of {table.where}",
            remedy="a column of plain texts",
        )
    return _as_text(table, column, rows)


def labels_of(table: Table, column: str, key: str, rows: Sequence[int]) -> tuple[str, ...]:
    """Return the labels of some rows: texts as they are written, numbers by their value.

    Args:
        table: Table with the column.
        column: Name of the column.
        key: Configuration key that named it, for messages.
        rows: Indices of the rows.

    Raises:
        InputError: A row has no label, or a value that is no text, number or truth value.
    """
    cells = table.values[column]
    missing = [row for row in rows if has_no_label(cells[row])]
    _refuse_missing(table, key, missing, "no label")
    odd = next((row for row in rows if not isinstance(cells[row], str | int | float)), None)
    if odd is not None:
        raise InputError(
            f"the column holds {type(cells[odd]).__name__} values, not one label per row",
            where=f"{key}={column}, row {odd + 1} of {table.where}",
            remedy="a column of texts or whole numbers",
        )
    names = _as_text(table, column, rows)
    if any(isinstance(cells[row], str | bool) for row in rows):
        return names
    # 1 and 1.0 are the same number; 2**60 has no float of its own.
    return tuple(
        name if isinstance(cell := cells[row], int) or not cell.is_integer() else str(int(cell))
        for name, row in zip(names, rows, strict=True)
    )


def _as_text(table: Table, column: str, rows: Sequence[int]) -> tuple[str, ...]:
    texts = []
    for row in rows:
        text = str(table.values[column][row])
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"a text is no valid Unicode: it has half of a surrogate pair at {error.start}",
                where=f"column {column!r}, row {row + 1} of {table.where}",
                remedy="write the text as UTF-8",
            ) from error
        texts.append(text)
    return tuple(texts)


def is_missing(value: object) -> bool:
    """Return True for None, and for NaN, which numeric columns have instead."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def has_no_label(value: object) -> bool:
    """Return True for a missing value, and for a text of blanks only."""
    return is_missing(value) or (isinstance(value, str) and not value.strip())


def _refuse_missing(table: Table, key: str, rows: Sequence[int], what: str) -> None:
    if rows:
        shown = shortened([str(row + 1) for row in rows])
        raise InputError(
            f"{len(rows)} row{'s have' if len(rows) > 1 else ' has'} {what}",
            where=f"{key}, {table.where}, row {shown} (the first row of data is 1)",
            remedy="remove these rows, or give them a value",
        )


def shortened(values: Sequence[str], count: int = _SHOWN) -> str:
    """Return the first few of many values, and the number of the others."""
    rest = len(values) - count
    return ", ".join(values[:count]) + (f" and {rest} more" if rest > 0 else "")
