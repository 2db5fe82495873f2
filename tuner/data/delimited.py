"""Reader of delimited files: comma, tab and other separated values.

Values are not interpreted: "NA", "null" and "007" stay texts. Delimiter and meaning of quote
marks, which the file does not state, are determined from all of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tuner.data.dialect import (
    Marks,
    Reading,
    find_delimiters,
    find_marks,
    find_quoting,
    read_as,
)
from tuner.data.records import Dialect
from tuner.data.table import Table
from tuner.data.text_file import WITH_ROWS, TextFile
from tuner.errors import InputError
from tuner.settings.delimited import Quoting, delimiter_name, delimiter_of
from tuner.settings.file_formats import inner_suffix

_USUAL = {".tsv": "\t", ".tab": "\t", ".psv": "|"}
"""Suffix of a file's name to its delimiter; a comma for the others."""


@dataclass(frozen=True, kw_only=True)
class Hints:
    """Known facts about a delimited file before it is read."""

    delimiter: str | None = None
    """Delimiter as in `data.delimiter`; None to determine it."""

    quoting: str | None = None
    """Quoting as in `data.quoting`; None to determine it."""

    label: str | None = None
    """Label column, which reveals merged rows; None if unknown."""

    separator: str | None = None
    """Text between the labels of a row; None if there is one label."""


def read_delimited(file: TextFile, hints: Hints, wanted: Sequence[str]) -> Table:
    """Read the wanted columns of a file, without those that it does not have.

    Args:
        file: File to read.
        hints: Known facts about it.
        wanted: Names of the columns.

    Raises:
        InputError: The rows have other numbers of fields than the header, a quoted text is not
            closed, or a wanted column exists twice.
    """
    reading, marks = _reading(file, hints, wanted)
    path = str(file.path)
    if not reading.header:
        raise InputError("the file is empty", where=path, remedy=WITH_ROWS)
    _refuse_duplicates(reading.header, wanted, path)
    if reading.problem is not None:
        raise InputError(
            reading.problem,
            where=f"{path}, line {reading.line}",
            remedy=_remedy(reading.dialect),
        )
    values = reading.values
    if values is None:
        values = read_as(file.opened, reading.dialect, wanted).values or {}
    return Table(
        where=path,
        columns=reading.header,
        values=values,
        read_as=tuple(_read_as(file, hints, reading, marks)),
        notes=tuple(_notes(file, reading, marks)),
    )


def _reading(file: TextFile, hints: Hints, wanted: Sequence[str]) -> tuple[Reading, Marks]:
    """Return how the file is read, and its marks."""
    quoting = None if hints.quoting is None else Quoting(hints.quoting)
    usual = _usual(file)
    if hints.delimiter is not None:
        delimiters: list[str | None] = [delimiter_of(hints.delimiter)]
    else:
        delimiters = [*find_delimiters(file.opened, wanted, usual, quoting)]
    if len(delimiters) > 1:
        delimiters.append(None)
    marks = find_marks(file.opened, delimiters[0])
    tried = []
    for delimiter in delimiters:
        if quoting is None:
            reading = find_quoting(
                file.opened, delimiter, wanted, marks, hints.label, hints.separator
            )
        else:
            reading = read_as(file.opened, Dialect(delimiter=delimiter, quoting=quoting), wanted)
            reading = replace(reading, fits=reading.problem is None)
        if reading.fits:
            return reading, marks
        tried.append(reading)
    return tried[0], marks


def _usual(file: TextFile) -> str:
    return _USUAL.get(inner_suffix(file.path), ",")


def _remedy(dialect: Dialect) -> str:
    if dialect.quoting is Quoting.NONE:
        return (
            'put texts that contain delimiters or line breaks in "double quotes"; or state the '
            "format of the file in data.delimiter and data.quoting, or predict.delimiter and "
            "predict.quoting"
        )
    return (
        'double quotes inside a quoted text: "so ""to say"""; or set data.quoting=none, or '
        "predict.quoting=none, if quote marks are part of the texts"
    )


def _read_as(file: TextFile, hints: Hints, reading: Reading, marks: Marks) -> Iterator[str]:
    """Yield a line about the determined format, unless the file's name implies it."""
    found, dialect = [], reading.dialect
    if file.encoding.startswith(("utf-16", "utf-32")):
        found.append(file.encoding.upper())
    if hints.delimiter is None and dialect.delimiter != _usual(file):
        delimiter = dialect.delimiter if len(reading.header) > 1 else None
        name = f"the delimiter is a {delimiter_name(delimiter)}" if delimiter else None
        found.append(name or "each line is one field")
    if hints.quoting is None and dialect.quoting is Quoting.BACKSLASH:
        found.append("a backslash escapes quote marks and delimiters in texts")
    if hints.quoting is None and dialect.quoting is Quoting.NONE and marks.quotes:
        found.append("quote marks are part of the texts")
    if found:
        yield f"{file.path.name} is read with: {', '.join(found)} (data.delimiter, data.quoting)"


def _notes(file: TextFile, reading: Reading, marks: Marks) -> Iterator[str]:
    """Yield warnings about probable damage."""
    if marks.nuls:
        count = f"{marks.nuls} NUL characters" if marks.nuls > 1 else "a NUL character"
        yield f"{file.path.name} has {count}, which no text should have."
    if reading.merged:
        delimiter = reading.dialect.delimiter
        what = "a line break"
        if delimiter is not None and len(reading.header) > 1:
            what = f"both a {delimiter_name(delimiter)} and a line break"
        count = f"{reading.merged} texts have" if reading.merged > 1 else "1 text has"
        yield (
            f"{file.path.name}: {count} {what}, the first in line {reading.first_merged}. "
            "If rows were merged there, data.quoting=none reads each line as a row."
        )


def _refuse_duplicates(header: Sequence[str], wanted: Sequence[str], path: str) -> None:
    for name in wanted:
        if header.count(name) > 1:
            raise InputError(
                f"the header has column {name!r} more than once",
                where=f"{path}, line 1",
                remedy="give each column a name of its own",
            )
