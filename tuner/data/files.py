"""Reader of CSV, JSON, Parquet and CoNLL files.

Values are not interpreted: "NA", "null" and "007" stay texts. Errors name the line of malformed
input.
"""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TextIO

from tuner.data.conll import read_conll
from tuner.data.delimited import Hints, read_delimited
from tuner.data.parquet import read_parquet
from tuner.data.squad import is_squad, squad_rows
from tuner.data.table import Table
from tuner.data.text_file import WITH_ROWS, find_text
from tuner.errors import InputError
from tuner.formatting.suggestion import nearest


def read_file(
    path: Path, file_format: str, wanted: Sequence[str], key: str, hints: Hints | None = None
) -> Table:
    """Read the wanted columns of a file, without those that it does not have.

    Args:
        path: Path of the file; text may be compressed.
        file_format: `csv`, `json`, `parquet` or `conll`.
        wanted: Names of columns.
        key: Configuration key that named the file, for messages.
        hints: Known facts about a delimited file; None if there are none.

    Raises:
        InputError: The file is missing, empty, malformed or not text.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}", where=key, remedy=_other_file(path, key))
    if path.stat().st_size == 0:
        raise InputError("the file is empty", where=str(path), remedy=WITH_ROWS)
    if file_format == "parquet":
        return read_parquet(path, wanted)
    file = find_text(path)
    if file_format == "conll":
        return read_conll(file, wanted)
    if file_format == "csv":
        return read_delimited(file, hints or Hints(), wanted)
    with file.opened() as lines:
        return _read_json(lines, path, wanted)


def _other_file(path: Path, key: str) -> str:
    """Return the remedy for a path that leads to no file: a file of about that name."""
    try:
        near = nearest(path.name, [each.name for each in path.parent.iterdir() if each.is_file()])
    except OSError:
        near = None
    if near is None:
        return f"{_named(key)}FILE, a path from {Path.cwd()}"
    return f"{_named(key)}{shlex.quote(str(path.with_name(near)))}"


def _named(key: str) -> str:
    return f"{key}=" if key.startswith("data.") else ""


def _read_json(file: TextIO, path: Path, wanted: Sequence[str]) -> Table:
    columns: dict[str, None] = {}
    values: dict[str, list[Any]] = {name: [] for name in wanted}
    for place, row in _json_rows(file, path):
        if not isinstance(row, dict):
            raise InputError(
                f"a row is not a JSON object but {_kind(row)}",
                where=f"{path}, {place}",
                remedy='an array of objects, or one object per line: {"text": ..., "label": ...}',
            )
        _refuse_duplicates(row, wanted, f"{path}, {place}")
        columns.update(dict.fromkeys(row))
        for name in wanted:
            values[name].append(_as_written(row.get(name)))
    present = {name: cells for name, cells in values.items() if name in columns}
    return Table(
        where=str(path), columns=tuple(columns) or tuple(wanted), values=present or values
    )


def _json_rows(file: TextIO, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the place of each row and the row, from an array, from lines or in SQuAD's form."""
    begin, first = 1, file.readline()
    while first and not first.strip():
        begin, first = begin + 1, file.readline()
    if first.lstrip().startswith("["):
        blank = "\n" * (begin - 1)
        for element, row in enumerate(_parsed(blank + first + file.read(), path), start=1):
            yield f"element {element}", row
        return
    if first:
        content = _first_value(first, begin, file, path)
        if is_squad(content):
            yield from squad_rows(content, path)
        else:
            yield f"line {begin}", content
    for number, line in enumerate(file, start=begin + 1):
        if line.strip():
            yield f"line {number}", _parsed(line.rstrip(), path, number)


def _first_value(first: str, begin: int, file: TextIO, path: Path) -> Any:
    """Return the value of the first line, or of the whole file where it is one of SQuAD's."""
    try:
        return _parsed(first.rstrip(), path, begin)
    except InputError:
        rest = file.read()
        if '"paragraphs"' not in rest:
            raise
        return _parsed("\n" * (begin - 1) + first + rest, path)


def _parsed(text: str, path: Path, line: int = 1) -> Any:
    """Return the value of a JSON text that begins in a line of the file."""
    try:
        return json.loads(text, parse_float=_Float, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        line += error.lineno - 1
        what = f"{error.msg}, column {error.colno}"
        cause: Exception = error
    except RecursionError as error:
        what, cause = "nested too deeply", error
    except ValueError as error:  # A number of thousands of digits.
        what, cause = str(error).partition(";")[0], error
    raise InputError(
        f"malformed JSON: {what}",
        where=f"{path}, line {line}",
        remedy="an array of objects, or one object per line",
    ) from cause


class _Float(float):
    """A number that is shown as it was written: 1.50."""

    def __new__(cls, written: str) -> Self:
        made = super().__new__(cls, written)
        made._written = written
        return made

    _written: str

    def __str__(self) -> str:
        return self._written


class _Object(dict[str, Any]):
    """A JSON object that remembers duplicate names."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = Counter(name for name, _ in pairs) if len(self) < len(pairs) else Counter()


def _refuse_duplicates(row: dict[str, Any], wanted: Sequence[str], where: str) -> None:
    twice = row.twice if isinstance(row, _Object) else {}
    for name in wanted:
        if twice.get(name, 0) > 1:
            raise InputError(
                f"a row has {name!r} more than once",
                where=where,
                remedy="one value per name",
            )


def _as_written(value: Any) -> Any:
    """Return truth values, also those of a list, as JSON writes them; others unchanged."""
    if isinstance(value, list):
        return [_as_written(item) for item in value]
    return json.dumps(value) if isinstance(value, bool) else value


def _kind(value: object) -> str:
    return {list: "an array", str: "a text", type(None): "null"}.get(type(value), "a number")
