"""Rows as they were read, and the cells of their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuner.errors import InputError
from tuner.tasks import Column
from tuner.tasks.cells import as_text, is_missing, items_of, refuse_rows


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


def one_column_hint(table: Table, section: str) -> str:
    """Return a hint for a file that seems to have only one column."""
    if len(table.columns) != 1:
        return ""
    return f"; or {section}.delimiter=CHARACTER if another one separates columns"


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
        is_list = items_of(cells[odd]) is not None
        remedy = "; or task=token_classification, which reads lists of words" if is_list else ""
        raise InputError(
            f"the column holds {type(cells[odd]).__name__} values, not text",
            where=f"{key}={column}, row {odd + 1} of {table.where}",
            remedy=f"{key}=COLUMN, one of plain texts{remedy}",
        )
    return tuple(
        as_text(cells[row], f"column {column!r}, row {row + 1} of {table.where}") for row in rows
    )
