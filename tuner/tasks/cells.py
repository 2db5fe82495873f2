"""Cells of a target column, and the messages about cells that hold no target."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tuner.errors import InputError

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Column:
    """Some cells of one column of a source."""

    key: str
    """Configuration key that names the column, for messages."""

    name: str
    """Name of the column."""

    where: str
    """File or data set, for messages."""

    cells: Sequence[Any]
    """Cells of the rows in use; None or NaN where a row has no value."""

    rows: Sequence[int]
    """Index of each cell's row in the source."""

    texts: Sequence[Any] = ()
    """First part of each row, as the task's form has read it, for targets that are parts of it."""

    pairs: Sequence[Any] | None = None
    """Second part of each row; None without one."""

    read_as: list[str] = field(default_factory=list)
    """Lines on how the cells were read, which their reader adds."""

    notes: list[str] = field(default_factory=list)
    """Warnings about the cells as sentences, which their reader adds."""

    def refuse(self, problem: str, index: int, remedy: str) -> InputError:
        """Return the refusal of one cell."""
        return InputError(
            problem,
            where=f"{self.key}={self.name}, row {self.rows[index] + 1} of {self.where}",
            remedy=remedy,
        )

    def refuse_missing(self, what: str = "no label") -> None:
        """Refuse cells without a value.

        Raises:
            InputError: There are some.
        """
        missing = [row for row, cell in zip(self.rows, self.cells, strict=True) if is_blank(cell)]
        if missing:
            refuse_rows(missing, what, f"{self.key}, {self.where}")


def refuse_rows(
    rows: Sequence[int],
    what: str,
    where: str,
    remedy: str = "remove these rows, or give them a value",
) -> None:
    """Refuse rows that lack something.

    Args:
        rows: Indices of the rows.
        what: Their lack in words, as `no text`.
        where: Configuration key and source.
        remedy: Change to the data that makes them usable.

    Raises:
        InputError: Always.
    """
    shown = shortened([str(row + 1) for row in rows])
    raise InputError(
        f"{len(rows)} row{'s have' if len(rows) > 1 else ' has'} {what}",
        where=f"{where}, row {shown} (the first row of data is 1)",
        remedy=remedy,
    )


def is_missing(value: object) -> bool:
    """True for None, and for the NaN that numeric columns have instead."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def is_blank(value: object) -> bool:
    """True for a missing value and for a text of blanks alone."""
    return is_missing(value) or (isinstance(value, str) and not value.strip())


def items_of(cell: Any) -> list[Any] | None:
    """Return the items of a cell with a list or an array; None for any other cell."""
    found = cell.tolist() if hasattr(cell, "tolist") else cell
    return list(found) if isinstance(found, list | tuple) else None


def as_text(value: object, where: str) -> str:
    """Return a cell as text.

    Raises:
        InputError: It is no valid Unicode.
    """
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"a text is no valid Unicode: it has half of a surrogate pair at {error.start}",
            where=where,
            remedy="write the text as UTF-8",
        ) from error
    return text


def shortened(values: Sequence[str], count: int = _SHOWN) -> str:
    """Return the first few of many values, and how many more there are."""
    rest = len(values) - count
    return ", ".join(values[:count]) + (f" and {rest} more" if rest > 0 else "")
