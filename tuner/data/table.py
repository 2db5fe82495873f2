"""Rows as they were read, and the labelled texts that they become when they are checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from tuner.checkpoints.content import combined_hash
from tuner.errors import InputError
from tuner.formatting.suggestion import nearest
from tuner.settings.settings import DataSettings
from tuner.tasks import Column, Task
from tuner.tasks.cells import as_text, is_missing, refuse_rows, shortened


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
    targets: tuple[Any, ...]
    """Target of each row, as `Task.read` gives it."""
    classes: bool = False
    """True if they are names of classes or columns, whose form is never changed."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> "Examples":
        """Return the rows of these indices, in this order."""
        return Examples(
            where=self.where,
            texts=tuple(self.texts[row] for row in rows),
            pairs=None if self.pairs is None else tuple(self.pairs[row] for row in rows),
            targets=tuple(self.targets[row] for row in rows),
            classes=self.classes,
        )

    @property
    def inputs(self) -> Sequence[tuple[str, str]]:
        """Text and second text of each row; the second one is empty for single texts."""
        return tuple(zip(self.texts, self.pairs or ("",) * len(self), strict=True))

    @property
    def content_hash(self) -> str:
        """SHA-256 of texts and targets in their order."""
        pairs = () if self.pairs is None else ("pairs", *self.pairs)
        return combined_hash((*self.texts, *pairs, *map(str, self.targets)))


def wanted_columns(data: DataSettings) -> tuple[str, ...]:
    """Return the columns that the settings name, each once."""
    names = [data.text, data.text_pair, *TargetColumns.of(data).names, *data.where]
    return tuple(dict.fromkeys(name for name in names if name is not None))


@dataclass(frozen=True, kw_only=True)
class TargetColumns:
    """Columns that hold the targets."""

    label: str
    """Column of the target."""

    separator: str | None = None
    """Text between the labels of a row; None: there is one, or a list."""

    columns: Sequence[str] | None = None
    """Columns of 0 and 1, one for each label, instead of `label`."""

    key: str = "data.label"
    """Configuration key that names them, for messages."""

    @classmethod
    def of(cls, data: DataSettings) -> "TargetColumns":
        """Return those of training data."""
        return cls(
            label=data.label,
            separator=data.label_separator,
            columns=data.label_columns,
            key="data.label_columns" if data.label_columns else "data.label",
        )

    @property
    def names(self) -> Sequence[str]:
        """Names of the columns."""
        return self.columns or (self.label,)


def to_examples(table: Table, data: DataSettings, task: Task) -> Examples:
    """Filter and check a table.

    Args:
        table: Rows as they were read.
        data: Columns and conditions.
        task: Task whose targets the rows have.

    Raises:
        InputError: A column is missing, no row is left, or a text or target has no value or is of
            a kind that cannot be used.
    """
    _check_columns(table, data)
    rows = _matching_rows(table, data)
    texts = texts_of(table, data.text, "data.text", rows)
    pairs = None
    if data.text_pair is not None:
        pairs = texts_of(table, data.text_pair, "data.text_pair", rows)
    targets = task.read(target_column(table, TargetColumns.of(data), rows))
    classes = data.label_columns is not None or data.label in table.classes
    return Examples(where=table.where, texts=texts, pairs=pairs, targets=targets, classes=classes)


def target_column(table: Table, targets: TargetColumns, rows: Sequence[int]) -> Column:
    """Return the targets of some rows; several labels of a row are a list.

    Args:
        table: Has the columns.
        targets: Columns.
        rows: Indices of the rows.

    Raises:
        InputError: A column of labels holds something else than 0 and 1.
    """
    if targets.columns:
        columns = [column_of(table, name, targets.key, rows) for name in targets.columns]
        flags = [[_is_set(column, index) for index in range(len(rows))] for column in columns]
        cells: list[Any] = [
            [name for name, flag in zip(targets.columns, row, strict=True) if flag]
            for row in zip(*flags, strict=True)
        ]
        return replace(columns[0], name=", ".join(targets.columns), cells=cells)
    column = column_of(table, targets.label, targets.key, rows)
    separator = targets.separator
    if separator is None:
        return column
    cells = [_parts(cell, separator) if isinstance(cell, str) else cell for cell in column.cells]
    return replace(column, cells=cells)


def _parts(cell: str, separator: str) -> list[str]:
    """Return the labels of one cell; a cell of blanks has none."""
    return [part.strip() for part in cell.split(separator)] if cell.strip() else []


_SET = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


def _is_set(column: Column, index: int) -> bool:
    found = _SET.get(str(column.cells[index]).strip().lower())
    if found is None:
        raise column.refuse(
            f"{column.cells[index]!r} is neither 0 nor 1", index, "0 or 1 in each row"
        )
    return found


def column_of(table: Table, name: str, key: str, rows: Sequence[int]) -> Column:
    """Return some cells of a column.

    Args:
        table: Has the column.
        name: Name of the column.
        key: Configuration key that names it, for messages.
        rows: Indices of the rows.
    """
    cells = table.values[name]
    where = table.where
    return Column(key=key, name=name, where=where, cells=[cells[i] for i in rows], rows=rows)


def _check_columns(table: Table, data: DataSettings) -> None:
    keys = {"data.text": data.text}
    if data.label_columns:
        keys |= {f"data.label_columns={name}": name for name in data.label_columns}
    else:
        keys["data.label"] = data.label
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
    count = len(table.values[data.text])
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
    missing = [row for row in rows if is_missing(cells[row])]
    if missing:
        refuse_rows(missing, "no text", f"{key}, {table.where}")
    odd = next((row for row in rows if not isinstance(cells[row], str | int | float)), None)
    if odd is not None:
        raise InputError(
            f"the column holds {type(cells[odd]).__name__} values, not text",
            where=f"{key}={column}, row {odd + 1} of {table.where}",
            remedy="a column of plain texts",
        )
    return tuple(
        as_text(cells[row], f"column {column!r}, row {row + 1} of {table.where}") for row in rows
    )
