"""The right one of several choices: read from cells as a number, a letter or its text."""

import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tuner.errors import InputError
from tuner.tasks.cells import Column, refuse_rows, shortened

_FORMS = (
    "in every row the number of the right choice, counted from 0; or its letter, A for the first; "
    "or its text"
)


def read_right(column: Column, choices: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Return the index of each row's right choice.

    All rows have the same form: a whole number from 0, a letter from A or a, or the text of the
    choice.

    Args:
        column: Cells of the right choices.
        choices: Choices of each row.

    Raises:
        InputError: A row has no value, or one that is none of its choices; or the texts of the
            choices are numbers or letters themselves, which say something else as such.
    """
    column.refuse_missing("no right choice")
    written = [str(cell) for cell in column.cells]
    numbers = _numbers(column.cells)
    read = {"numbers": numbers, "letters": _letters(written)}
    if not all(type(cell) is int for cell in column.cells):
        read["texts"] = [
            list(row).index(cell) if cell in row else None
            for cell, row in zip(written, choices, strict=True)
        ]
    fitting = {
        name: [index for index in found if index is not None]
        for name, found in read.items()
        if all(
            index is not None and 0 <= index < len(row)
            for index, row in zip(found, choices, strict=True)
        )
    }
    if not fitting:
        raise _refused(column, read, choices)
    first, *others = fitting.items()
    for name, found in others:
        if found != first[1]:
            row = next(i for i, (a, b) in enumerate(zip(first[1], found, strict=True)) if a != b)
            raise column.refuse(
                f"{written[row]!r} can be one of {first[0]} and one of {name}, which differ",
                row,
                "whole numbers, not texts, as the numbers of the right choices",
            )
    return tuple(first[1])


def _numbers(cells: Sequence[Any]) -> list[int | None]:
    """Return whole numbers from 0, written as such; None for other cells."""
    texts = [str(cell).strip() for cell in cells]
    return [int(text) if text.isascii() and text.isdigit() else None for text in texts]


def _letters(written: Sequence[str]) -> list[int | None]:
    """Return the places of single letters in the alphabet; None for other cells."""
    places = [string.ascii_uppercase.find(text.strip().upper()) for text in written]
    return [
        place if len(text.strip()) == 1 and place >= 0 else None
        for text, place in zip(written, places, strict=True)
    ]


def _refused(
    column: Column, read: dict[str, list[int | None]], choices: Sequence[Sequence[str]]
) -> InputError:
    """Return the refusal of the first row that the form of most rows does not fit."""
    fits = {
        name: [
            index is not None and 0 <= index < len(row)
            for index, row in zip(found, choices, strict=True)
        ]
        for name, found in read.items()
    }
    row = max(fits.values(), key=sum).index(False)
    from_1 = [index for index in read["numbers"] if index is not None]
    hint = ""
    if len(from_1) == len(choices) and min(from_1) == 1:
        hint = "; these numbers begin at 1"
    return column.refuse(
        f"{column.cells[row]!r} is none of the {len(choices[row])} choices", row, f"{_FORMS}{hint}"
    )


def refuse_unusable(choices: Sequence[Sequence[str]], rows: Sequence[int], where: str) -> None:
    """Refuse rows with fewer than two choices, or with another number than the first row.

    Args:
        choices: Choices of each row.
        rows: Index of each row in the source.
        where: Configuration key and source, for messages.

    Raises:
        InputError: There is such a row.
    """
    counts = [len(row) for row in choices]
    few = [row for row, count in zip(rows, counts, strict=True) if count < 2]  # noqa: PLR2004
    if few:
        refuse_rows(few, "fewer than two choices", where)
    if len(set(counts)) > 1:
        shown = [f"{count} ({n} rows)" for count, n in sorted(Counter(counts).items())]
        other = next(i for i, count in enumerate(counts) if count != counts[0])
        raise InputError(
            f"rows have different numbers of choices: {shortened(shown)}",
            where=f"{where}, row {rows[other] + 1}",
            remedy="the same number of choices in every row; data.where selects rows by a column",
        )


def refuse_twins(
    choices: Sequence[Sequence[str]], right: Sequence[int], rows: Sequence[int], where: str
) -> None:
    """Refuse rows in which a wrong choice has the text of the right one.

    Args:
        choices: Choices of each row.
        right: Index of the right one.
        rows: Index of each row in the source.
        where: Configuration key and source, for messages.

    Raises:
        InputError: There is such a row.
    """
    twins = [
        row
        for row, texts, index in zip(rows, choices, right, strict=True)
        if texts.count(texts[index]) > 1
    ]
    if twins:
        refuse_rows(twins, "a wrong choice equal to the right one", where)
