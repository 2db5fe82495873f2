"""Reads CSV, JSON and Parquet files.

Plain readers that guess nothing: "NA", "null" and "007" stay the texts that they are, and what is
malformed is named by its line.
"""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from tuner.data.table import Table
from tuner.errors import InputError

_DELIMITERS = {".tsv": "\t", ".tab": "\t"}


def read_file(path: Path, file_format: str, wanted: Sequence[str], key: str) -> Table:
    """Reads the wanted columns of a file; those that it does not have are left out.

    Args:
        path: The file.
        file_format: `csv` (tab-separated if the name ends in .tsv), `json` or `parquet`.
        wanted: Names of columns.
        key: Configuration key that named the file, for messages.

    Raises:
        InputError: The file is missing, empty, malformed or no UTF-8.
    """
    if not path.is_file():
        raise InputError(
            f"there is no file {path}", where=key, remedy="a path from the folder you start in"
        )
    if path.stat().st_size == 0:
        raise InputError("the file is empty", where=str(path), remedy="rows of labelled texts")
    if file_format == "parquet":
        return _read_parquet(path, wanted)
    reader = _read_csv if file_format == "csv" else _read_json
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return reader(file, path, wanted)
    except UnicodeDecodeError as error:
        raise InputError(
            f"the file is not UTF-8: byte {error.object[error.start]:#04x}",
            where=str(path),
            remedy="the file saved as UTF-8",
        ) from error


def _read_csv(file: TextIO, path: Path, wanted: Sequence[str]) -> Table:
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(file, delimiter=_DELIMITERS.get(path.suffix.lower(), ","), strict=True)
    try:
        header = tuple(next((row for row in rows if row), ()))
        _refuse_twice(header, wanted, path)
        places = {name: header.index(name) for name in wanted if name in header}
        values: dict[str, list[Any]] = {name: [] for name in places}
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise InputError(
                    f"a row has {len(row)} fields, the header {len(header)}",
                    where=f"{path}, line {rows.line_num}",
                    remedy='texts that hold commas or line breaks in "double quotes"',
                )
            for name, place in places.items():
                values[name].append(row[place])
    except csv.Error as error:
        raise InputError(
            f"malformed CSV: {error}",
            where=f"{path}, line {rows.line_num}",
            remedy='quotes inside a quoted text doubled: "so ""to say"""',
        ) from error
    return Table(where=str(path), columns=header, values=values)


def _refuse_twice(header: Sequence[str], wanted: Sequence[str], path: Path) -> None:
    for name in wanted:
        if header.count(name) > 1:
            raise InputError(
                f"the header names column {name!r} more than once",
                where=f"{path}, line 1",
                remedy="columns with names of their own",
            )


def _read_json(file: TextIO, path: Path, wanted: Sequence[str]) -> Table:
    columns: dict[str, None] = {}
    values: dict[str, list[Any]] = {name: [] for name in wanted}
    for place, row in _json_rows(file, path):
        if not isinstance(row, dict):
            raise InputError(
                f"a row is no JSON object but {_kind(row)}",
                where=f"{path}, {place}",
                remedy='an array of objects, or one object a line: {"text": ..., "label": ...}',
            )
        columns.update(dict.fromkeys(row))
        for name in wanted:
            values[name].append(row.get(name))
    present = {name: cells for name, cells in values.items() if name in columns}
    return Table(
        where=str(path), columns=tuple(columns) or tuple(wanted), values=present or values
    )


def _json_rows(file: TextIO, path: Path) -> Iterator[tuple[str, Any]]:
    """Yields where a row stands and the row, from an array or from lines."""
    first = file.read(1)
    while first.isspace():
        first = file.read(1)
    file.seek(0)
    if first == "[":
        for number, row in enumerate(_parsed(file.read(), path), start=1):
            yield f"element {number}", row
        return
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield f"line {number}", _parsed(line.rstrip(), path, number)


def _parsed(text: str, path: Path, line: int = 1) -> Any:
    """The value of a JSON text that begins in this line of the file."""
    try:
        return json.loads(text)
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
        remedy="an array of objects, or one object a line",
    ) from cause


def _kind(value: object) -> str:
    return {list: "an array", str: "a text", type(None): "null"}.get(type(value), "a number")


def _read_parquet(path: Path, wanted: Sequence[str]) -> Table:
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
            table = file.read(columns=[name for name in wanted if name in columns])
        values = {name: table.column(name).to_pylist() for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError) as error:  # Arrow's, zlib's, bytes of no text.
        raise InputError(
            f"no Parquet file: {(str(error).splitlines() or ['?'])[0]}",
            where=str(path),
            remedy="a Parquet file, or the `format` that the file has (data=csv, data=json)",
        ) from error
    return Table(where=str(path), columns=columns, values=values)
