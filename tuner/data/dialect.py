"""Determination of a delimited file's format, by reading all of it in the possible ways.

The header decides the delimiter: it must have the wanted columns. The rows show whether quote
marks enclose texts or belong to them: each row must have as many fields as the header.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TextIO

from tuner.data.records import Dialect, MalformedError, Record, records
from tuner.settings.delimited import Quoting

CANDIDATES = (",", "\t", ";", "|")
"""Delimiters that are tried."""

OpenText = Callable[[], AbstractContextManager[TextIO]]
"""Function that opens the text from its beginning."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A whole file, read with one dialect."""

    dialect: Dialect

    header: tuple[str, ...] = ()
    """Names of the columns."""

    wanted: int = 0
    """Number of wanted columns in the header."""

    rows: int = 0

    merged: int = 0
    """Number of fields with both a delimiter and a line break, in which rows may have been merged.
    """

    first_merged: int = 0
    """Line in which the first of them begins."""

    problem: str | None = None
    """Reason why the dialect is impossible; None if it is possible."""

    line: int = 0
    """Line of the problem."""

    values: Mapping[str, list[str]] | None = None
    """Wanted column to its fields, if they were kept."""

    fits: bool = False
    """True if there is no problem and the header has as many wanted columns as with any dialect.
    """


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Characters in a file that a dialect may interpret."""

    quotes: bool
    """True if there are quote marks."""

    escapes: bool
    """True if a backslash precedes a quote mark, a delimiter or a line break."""

    nuls: int
    """Number of NUL characters."""


def read_as(
    opened: OpenText, dialect: Dialect, wanted: Sequence[str], *, keep: bool = True
) -> Reading:
    """Read a whole file with a dialect.

    Args:
        opened: Function that opens the file.
        dialect: Dialect to use.
        wanted: Names of columns.
        keep: True to keep their fields, False for figures only.
    """
    reading = Reading(dialect=dialect)
    widths = _Widths(())
    try:
        with opened() as lines:
            found = records(lines, dialect)
            header = next(found, Record(1, 1, breaks=False, fields=())).fields
            reading = replace(
                reading, header=tuple(header), wanted=sum(name in header for name in wanted)
            )
            between = dialect.delimiter if len(header) > 1 else None
            kept = _Columns(header, wanted if keep else ())
            reading = replace(reading, values=kept.values if keep else None)
            widths = _Widths(header)
            for record in found:
                if not widths.take(record):
                    break
                kept.take(record)
                if record.breaks and (merged := _merged(record, between)):
                    reading = _counted(reading, record.line, merged)
    except MalformedError as error:
        return replace(reading, rows=widths.rows, problem=error.problem, line=error.line)
    line, width = widths.odd()
    if line:
        problem = f"a row has {width} field{'s' if width > 1 else ''}, the header {len(header)}"
        return replace(reading, rows=widths.rows, problem=problem, line=line)
    return replace(reading, rows=widths.rows)


def _counted(reading: Reading, line: int, merged: int) -> Reading:
    return replace(
        reading, merged=reading.merged + merged, first_merged=reading.first_merged or line
    )


def _merged(record: Record, delimiter: str | None) -> int:
    """Return the number of fields with a line break, and a delimiter if there is one."""
    return sum(
        ("\n" in cell or "\r" in cell) and (delimiter is None or delimiter in cell)
        for cell in record.fields
    )


class _Columns:
    """The fields of some columns."""

    def __init__(self, header: Sequence[str], names: Sequence[str]) -> None:
        self.values: dict[str, list[str]] = {name: [] for name in names if name in header}
        self._places = [(header.index(name), cells) for name, cells in self.values.items()]

    def take(self, record: Record) -> None:
        for place, cells in self._places:
            cells.append(record.fields[place])


class _Widths:
    """Numbers of fields in the rows of a file.

    A delimiter at the end of every row, or of the header only, makes no column.
    """

    def __init__(self, header: Sequence[str]) -> None:
        self.rows = 0
        self._usual = len(header)
        self._unnamed_end = self._usual > 1 and header[-1] == ""
        self._first: dict[int, int] = {}
        self._fits_throughout = True

    def take(self, record: Record) -> bool:
        """Count a row; return False if no later row can make the file fit."""
        self.rows += 1
        width = len(record.fields)
        self._first.setdefault(width, record.line)
        if width == self._usual + 1:
            fits = not record.fields[-1]
        else:
            fits = width == self._usual or (width == self._usual - 1 and self._unnamed_end)
        self._fits_throughout = self._fits_throughout and fits
        return fits

    def odd(self) -> tuple[int, int]:
        """Return line and width of the first row that does not fit the header, or zeros."""
        widths = set(self._first)
        odd = {width: line for width, line in self._first.items() if width != self._usual}
        if not odd or (len(widths) == 1 and self._fits_throughout):
            return 0, 0
        width = min(odd, key=odd.__getitem__)
        return odd[width], width


def find_marks(opened: OpenText, delimiter: str | None) -> Marks:
    """Find the characters that a dialect may interpret."""
    quotes = escapes = False
    nuls = 0
    with opened() as lines:
        for line in lines:
            quotes = quotes or '"' in line
            nuls += line.count("\0")
            if "\\" in line and not escapes:
                before = f"\\{delimiter}" if delimiter else "\\\n"
                escapes = '\\"' in line or before in line or line.rstrip("\r\n").endswith("\\")
    return Marks(quotes=quotes, escapes=escapes, nuls=nuls)


def find_delimiters(
    opened: OpenText, wanted: Sequence[str], usual: str, quoting: Quoting | None
) -> list[str]:
    """Return the delimiters that the header allows, the likeliest first.

    Args:
        opened: Function that opens the file.
        wanted: Names of columns.
        usual: Delimiter that the file's name implies.
        quoting: Given quoting; None for any.
    """
    order = (usual, *(each for each in CANDIDATES if each != usual))
    headers = {each: _header(opened, each, quoting) for each in order}
    found = {each: sum(name in header for name in wanted) for each, header in headers.items()}
    if max(found.values()):
        return [each for each in order if found[each] == max(found.values())]
    return sorted(order, key=lambda each: -len(headers[each]))[:1]


def _header(opened: OpenText, delimiter: str, quoting: Quoting | None) -> Sequence[str]:
    for each in (quoting or Quoting.DOUBLE, Quoting.NONE):
        try:
            with opened() as lines:
                dialect = Dialect(delimiter=delimiter, quoting=each)
                return next(iter(records(lines, dialect))).fields
        except (MalformedError, StopIteration):
            continue
    return ()


def find_quoting(
    opened: OpenText,
    delimiter: str | None,
    wanted: Sequence[str],
    marks: Marks,
    label: str | None = None,
    separator: str | None = None,
) -> Reading:
    """Return the reading with the quoting that fits; one with a problem if none fits.

    Quote marks enclose fields if every row then has as many fields as the header and no field may
    consist of rows. Otherwise the lines are read literally, if that fits.

    Args:
        opened: Function that opens the file.
        delimiter: Delimiter of the file.
        wanted: Names of columns.
        marks: Marks of the file.
        label: Name of the label column, which has few different values; None if unknown.
        separator: Text between several labels of a row; None if there is one.
    """

    def read(quoting: Quoting) -> Reading:
        dialect = Dialect(delimiter=delimiter, quoting=quoting)
        # The likelier reading keeps its fields; both together would take twice the memory.
        keep = quoting is Quoting.DOUBLE or not marks.quotes
        return read_as(opened, dialect, wanted, keep=keep)

    plain = read(Quoting.NONE)
    if not marks.quotes and (plain.problem is None or not marks.escapes):
        return replace(plain, fits=plain.problem is None)
    readings = [plain, read(Quoting.DOUBLE)]
    if marks.escapes:
        readings.append(read(Quoting.BACKSLASH))
    most = max(reading.wanted for reading in readings)
    readings = [replace(r, fits=r.problem is None and r.wanted == most) for r in readings]
    plain, double = readings[:2]
    escaped = readings[2] if marks.escapes else None
    return _chosen(opened, plain, double, escaped, label, separator)


def _chosen(
    opened: OpenText,
    plain: Reading,
    double: Reading,
    escaped: Reading | None,
    label: str | None,
    separator: str | None,
) -> Reading:
    delimiter = double.dialect.delimiter
    one_column = len(double.header) == 1 and delimiter is not None and delimiter in ",;"
    if double.fits and (one_column or not double.merged):
        content = plain.fits and delimiter not in (",", ";")
        return plain if content and _is_content(opened, plain, double) else double
    escapes = escaped is not None and escaped.fits and not escaped.merged
    if escaped and escapes and (not plain.fits or _encloses(opened, plain.dialect)):
        return escaped
    if plain.fits and double.fits:
        return plain if _are_rows(opened, plain, double, label, separator) else double
    for reading in (plain, double, escaped):
        if reading and reading.fits:
            return reading
    tried = [reading for reading in (double, plain, escaped) if reading]
    return max(tried, key=lambda reading: (reading.wanted, reading.line))


def _is_content(opened: OpenText, plain: Reading, double: Reading) -> bool:
    """Return True if quote marks belong to the texts although they could enclose them.

    Writers enclose either all fields of a column, or only those with a quote mark, a delimiter or
    a line break.
    """
    if plain.rows != double.rows:
        return False
    bare, without = set[int](), set[str]()
    needless = set[tuple[int, frozenset[str]]]()
    differs = stray = False
    with opened() as first, opened() as second:
        rows = zip(records(first, plain.dialect), records(second, double.dialect), strict=True)
        next(rows, None)
        for written, read in rows:
            for column, (before, after) in enumerate(
                zip(written.fields, read.fields, strict=True)
            ):
                if before != after:
                    differs = True
                    if '"' not in after:
                        needless.add((column, _reasons(after)))
                elif after:
                    bare.add(column)
                    without |= _reasons(after)
                    stray = stray or '"' in after
    return differs and (stray or any(c in bare and why <= without for c, why in needless))


def _reasons(field: str) -> frozenset[str]:
    """Return why some writers enclose a field: Excel for commas, `csv` for a return."""
    return frozenset(character for character in ",;\r" if character in field)


def _are_rows(
    opened: OpenText, plain: Reading, double: Reading, label: str | None, separator: str | None
) -> bool:
    """Return True if quote marks have merged rows into fields with delimiters and line breaks.

    Such a field is split into lines with the right number of fields. If they are rows, then the
    value in the label's place is a label that other rows have, too, or a number among numbers.
    """
    tabular = double.dialect.delimiter not in (",", ";")
    if label not in double.header or label not in plain.header:
        return tabular
    place = double.header.index(label)
    starts, labels, single_lines = set[int](), set[str](), 0
    with opened() as lines:
        for record in islice(records(lines, double.dialect), 1, None):
            starts.update(range(record.line, record.line + record.lines - 1))
            labels.add(record.fields[place])
            single_lines += record.lines == 1
    with opened() as lines:
        rows = islice(records(lines, plain.dialect), 1, None)
        inner = [row.fields[place] for row in rows if row.line in starts]
    parts = {part for cell in labels for part in _parts(cell, separator)}
    numbers = all(map(_is_number, labels))
    known = sum(
        cell in labels
        or (numbers and _is_number(cell))
        or parts.issuperset(_parts(cell, separator))
        for cell in inner
    )
    return 2 * known >= len(inner) or (tabular and not single_lines)


def _parts(cell: str, separator: str | None) -> list[str]:
    return [cell] if separator is None else cell.split(separator)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _encloses(opened: OpenText, plain: Dialect) -> bool:
    """Return True if quote marks occur only in fields that begin and end with one."""
    with opened() as lines:
        return all(
            '"' not in cell or (len(cell) > 1 and cell[0] == cell[-1] == '"')
            for record in records(lines, plain)
            for cell in record.fields
        )
