"""Examples: rows that were filtered and checked, with their targets."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tuner.checkpoints.content import combined_hash
from tuner.data.forms import FORMS
from tuner.data.table import Remarks, Table, column_of, one_column_hint
from tuner.errors import InputError
from tuner.formatting.suggestion import nearest
from tuner.settings.settings import DataSettings
from tuner.tasks import Column, Task
from tuner.tasks.cells import is_missing, shortened


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Checked rows with their targets."""

    where: str
    """File or data set, for messages."""
    texts: tuple[Any, ...]
    """First part of each row, as its form reads it: a text, a question, or a tuple of words."""
    pairs: tuple[Any, ...] | None
    """Second part of each row: a text, a context, or a tuple of choices; None without one."""
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
    def inputs(self) -> Sequence[tuple[Any, Any]]:
        """First and second part of each row; the second one is empty where there is none."""
        return tuple(zip(self.texts, self.pairs or ("",) * len(self), strict=True))

    @property
    def content_hash(self) -> str:
        """SHA-256 of inputs and targets in their order."""
        pairs = () if self.pairs is None else ("pairs", *map(hashed_text, self.pairs))
        return combined_hash((*map(hashed_text, self.texts), *pairs, *map(str, self.targets)))


def hashed_text(part: Any) -> str:
    """Return a part of a row as the text that its hash is made of."""
    return part if isinstance(part, str) else json.dumps(part)


def wanted_columns(data: DataSettings) -> tuple[str, ...]:
    """Return the columns that the settings name, each once."""
    second, targets = SecondColumns.of(data), TargetColumns.of(data)
    return tuple(dict.fromkeys([data.text, *second.names, *targets.names, *data.where]))


@dataclass(frozen=True, kw_only=True)
class SecondColumns:
    """Columns that hold the second parts."""

    text_pair: str | None = None
    """Column of second texts or of contexts."""

    choices: Sequence[str] | None = None
    """Columns of choices, one for each; or one with a list in each row."""

    section: str = "data"
    """Section of the keys that name them, for messages."""

    @classmethod
    def of(cls, data: DataSettings) -> "SecondColumns":
        """Return those of training data."""
        return cls(text_pair=data.text_pair, choices=data.choices)

    @property
    def names(self) -> Sequence[str]:
        """Names of the columns; none without second parts."""
        return self.choices or ([] if self.text_pair is None else [self.text_pair])

    @property
    def keys(self) -> dict[str, str]:
        """Key, as a message names it, to the column that it has to name."""
        if self.choices:
            return {f"{self.section}.choices={name}": name for name in self.choices}
        return {f"{self.section}.text_pair": name for name in self.names}

    def read(self, table: Table, task: Task, rows: Sequence[int]) -> tuple[Any, ...] | None:
        """Return the second parts of some rows; None without any.

        Args:
            table: Has the columns.
            task: Task whose form they have.
            rows: Indices of the rows.

        Raises:
            InputError: The task has none, or needs some; or a cell is of another kind.
        """
        form = FORMS[task.form]
        given = "choices" if self.choices else "text_pair"
        names = self.names
        if form.needs_second and (not names or given != form.second_key):
            raise InputError(
                f"task={task.name} needs {form.second_key} of each row",
                where=f"{self.section}.{form.second_key}, {table.where}",
                remedy=f"{self.section}.{form.second_key}={form.second_example}",
            )
        if not names:
            return None
        key = f"{self.section}.{given}"
        if form.second is None or given != form.second_key:
            raise InputError(
                f"task={task.name} has no {given}",
                where=key,
                remedy=f"leave {key} out, or set it to null",
            )
        if len(names) == 1:
            return form.second(table, names[0], key, rows)
        joined = ", ".join(names)
        cells = list(zip(*(table.values[name] for name in names), strict=True))
        return form.second(replace(table, values={joined: cells}), joined, key, rows)


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


def to_examples(
    table: Table, data: DataSettings, task: Task, remarks: Remarks | None = None
) -> Examples:
    """Filter and check a table.

    Args:
        table: Rows as they were read.
        data: Columns and conditions.
        task: Task whose targets the rows have.
        remarks: Receives how the table was read.

    Raises:
        InputError: A column is missing, no row is left, or a text or target has no value or is of
            a kind that cannot be used.
    """
    _check_columns(table, data)
    rows = _matching_rows(table, data)
    form = FORMS[task.form]
    texts = form.first(table, data.text, "data.text", rows)
    pairs = SecondColumns.of(data).read(table, task, rows)
    column = target_column(table, TargetColumns.of(data), rows)
    column = replace(column, texts=texts, pairs=pairs)
    targets = task.read(column)
    if remarks is not None:
        remarks.read_as += [*table.read_as, *column.read_as]
        remarks.notes += [*table.notes, *column.notes]
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


def _check_columns(table: Table, data: DataSettings) -> None:
    keys = {"data.text": data.text}
    if data.label_columns:
        keys |= {f"data.label_columns={name}": name for name in data.label_columns}
    else:
        keys["data.label"] = data.label
    keys |= SecondColumns.of(data).keys
    keys |= {f"data.where.{name}": name for name in data.where}
    for key, column in keys.items():
        if column not in table.columns:
            raise InputError(
                f"there is no column {column!r}",
                where=f"{key}, in {table.where}",
                remedy=f"{_suggestion(key, column, table)}, one of: {', '.join(table.columns)}"
                f"{one_column_hint(table, 'data')}",
            )


def _suggestion(key: str, column: str, table: Table) -> str:
    """Return the override with the column closest to a mistyped one."""
    near = nearest(column, table.columns) or "COLUMN"
    section, _, condition = key.partition(".where.")
    if condition:
        return f"+{section}.where.{near}=VALUE"
    setting, _, listed = key.partition("=")
    return f"{near} in {setting}" if listed else f"{key}={near}"


def _matching_rows(table: Table, data: DataSettings) -> Sequence[int]:
    """Return the indices of the rows for which every condition of `data.where` holds."""
    count = len(table.values[data.text])
    if count == 0:
        raise InputError(
            "there are no rows",
            where=table.where,
            remedy="data.train=FILE with rows of texts and labels",
        )
    rows: Sequence[int] = range(count)
    for column, value in data.where.items():
        cells = table.values[column]
        rows = [row for row in rows if _has_value(cells[row], value)]
        if not rows:
            seen = dict.fromkeys(str(cell) for cell in cells if not is_missing(cell))
            raise InputError(
                f"no row has {value!r} in column {column!r}",
                where=f"data.where.{column}, in {table.where}",
                remedy=f"data.where.{column}=VALUE, one of: {shortened(list(seen))}",
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
