"""Splitting of delimited text into records with a known dialect.

The module `csv` does the work, except if quote marks have no meaning. Characters that `csv` would
misinterpret are replaced by half surrogates, which no decoded text contains, and restored in the
fields.
"""

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tuner.settings.delimited import Quoting

_RETURN, _FEED, _BACKSLASH, _QUOTE, _DELIMITER = map(chr, range(0xD800, 0xD805))
"""Stand-ins for a line break within a line, and for characters after a backslash."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Format of a delimited file."""

    delimiter: str | None
    """Character between fields; None if each line is one field."""

    quoting: Quoting


class Record(NamedTuple):
    """One row of a delimited file."""

    line: int
    """Line of the file in which it begins, counted from 1."""

    lines: int
    """Number of its lines."""

    breaks: bool
    """True if a field may contain a line break of any kind."""

    fields: Sequence[str]


class MalformedError(Exception):
    """The text is impossible in the dialect."""

    def __init__(self, problem: str, line: int) -> None:
        """Store the problem, and the line in which the malformed record begins."""
        super().__init__(problem)
        self.problem, self.line = problem, line


def records(lines: Iterable[str], dialect: Dialect) -> Iterator[Record]:
    """Yield the records of a text, without blank lines between them.

    Args:
        lines: Lines of the text, each with its end.
        dialect: Format of the text.

    Raises:
        MalformedError: A quoted field does not end, or goes on after its closing quote mark.
    """
    if dialect.quoting is Quoting.NONE:
        return _plain_records(lines, dialect.delimiter)
    return _Quoted(lines, dialect).records()


def _plain_records(lines: Iterable[str], delimiter: str | None) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        body, _ = _split_end(line)
        if body:
            fields = [body] if delimiter is None else body.split(delimiter)
            yield Record(number, 1, breaks=False, fields=fields)


def _problem(message: str) -> str:
    """Return an error of `csv` as a sentence."""
    if message == "unexpected end of data":
        return "malformed CSV: a quote mark opens a text, but none closes it"
    if message.endswith("expected after '\"'"):
        return "malformed CSV: a text continues after its closing quote mark"
    return f"malformed CSV: {message}"


class _Quoted:
    """Records whose fields may be in quote marks."""

    def __init__(self, lines: Iterable[str], dialect: Dialect) -> None:
        self._lines = lines
        # `csv` needs a delimiter: one that no line contains.
        self._delimiter = dialect.delimiter or _DELIMITER
        self._escapes = dialect.quoting is Quoting.BACKSLASH
        self._line = 0
        self._back = str.maketrans(
            {
                _RETURN: "\r",
                _FEED: "\n",
                _BACKSLASH: "\\",
                _QUOTE: '"',
                _DELIMITER: self._delimiter,
            }
        )
        self._replaced = False

    def records(self) -> Iterator[Record]:
        csv.field_size_limit(sys.maxsize)
        rows = csv.reader(self._protected(), delimiter=self._delimiter, strict=True)
        line = 1
        try:
            for row in rows:
                if row:
                    fields = (
                        [cell.translate(self._back) for cell in row] if self._replaced else row
                    )
                    lines = self._line + 1 - line
                    yield Record(line, lines, lines > 1 or self._replaced, fields)
                line = self._line + 1
        except csv.Error as error:
            raise MalformedError(_problem(str(error)), line) from error

    def _protected(self) -> Iterator[str]:
        """Yield the lines with stand-ins; lines with an escaped line break are joined."""
        pending = ""
        for line in self._lines:
            self._line += 1
            if "\r" not in line and not pending and not self._escapes:
                yield line
                continue
            body, end = _split_end(line)
            if self._escapes and "\\" in body:
                body, continues = self._escaped(body)
                if continues and end:
                    pending += body + end.translate(_BREAKS)
                    continue
            if "\r" in body or "\n" in body:
                body = body.translate(_BREAKS)
                self._replaced = True
            yield pending + body + end
            pending = ""
        if pending:
            yield pending

    def _escaped(self, body: str) -> tuple[str, bool]:
        """Replace characters after backslashes; True if the line's own break is escaped."""
        self._replaced = True
        parts = body.replace("\\\\", _BACKSLASH)
        parts = parts.replace('\\"', _QUOTE).replace("\\" + self._delimiter, _DELIMITER)
        return (parts[:-1], True) if parts.endswith("\\") else (parts, False)


_BREAKS = str.maketrans({"\r": _RETURN, "\n": _FEED})


def _split_end(line: str) -> tuple[str, str]:
    r"""Split a line from its end; of `\r\r\n`, which some writers produce, one `\r` is kept."""
    if line.endswith("\n"):
        return line[:-1].rstrip("\r"), "\r\n" if line.endswith("\r\n") else "\n"
    return (line[:-1], "\r") if line.endswith("\r") else (line, "")
