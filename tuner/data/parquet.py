"""Reader of Parquet files; class numbers become the names stored by Hugging Face datasets."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.data.table import Table
from tuner.errors import InputError

_DATASETS = b"huggingface"
"""Key of the features that Hugging Face datasets writes into a file's schema."""

_UNLABELLED = -1
"""Class number of rows without a label in Hugging Face datasets."""


def read_parquet(path: Path, wanted: Sequence[str]) -> Table:
    """Read the wanted columns of a file, without those that it does not have.

    Args:
        path: Path of the file.
        wanted: Names of columns.

    Raises:
        InputError: It is no Parquet file, has a wanted column twice, or a class number without a
            name.
    """
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
            _refuse_duplicates(columns, wanted, path)
            names = class_names(file.schema_arrow.metadata or {})
            table = file.read(columns=[name for name in wanted if name in columns])
        values = {name: table.column(name).to_pylist() for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError) as error:  # Of Arrow, zlib, or invalid text.
        raise InputError(
            f"the file is not a Parquet file: {(str(error).splitlines() or ['?'])[0]}",
            where=str(path),
            remedy="data=csv or data=json, if that is its format",
        ) from error
    named: dict[str, list[Any]] = {
        column: _named(cells, names[column], column, path) if column in names else cells
        for column, cells in values.items()
    }
    classes = frozenset(column for column, cells in values.items() if named[column] is not cells)
    return Table(where=str(path), columns=columns, values=named, classes=classes)


def class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes by column, from a schema's metadata.

    Args:
        metadata: Metadata from Arrow; malformed content is ignored.
    """
    try:
        features = json.loads(metadata.get(_DATASETS, b"{}"))["info"]["features"]
        kinds = {str(column): _inner(feature) for column, feature in features.items()}
        return {
            column: tuple(map(str, feature["names"]))
            for column, feature in kinds.items()
            if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _inner(feature: Any) -> Any:
    """Feature of a column's cells, or of the items of its lists."""
    if isinstance(feature, list):
        return feature[0]
    return feature.get("feature", feature)


def _refuse_duplicates(columns: Sequence[str], wanted: Sequence[str], path: Path) -> None:
    for name in wanted:
        if columns.count(name) > 1:
            raise InputError(
                f"the file has {columns.count(name)} columns named {name!r}",
                where=str(path),
                remedy="give each column a name of its own",
            )


def _named(cells: list[Any], names: Sequence[str], column: str, path: Path) -> list[Any]:
    """Return the names of class numbers, also of lists of them; None for those without a label."""
    if any(isinstance(cell, list) for cell in cells):
        return [
            _named(cell, names, column, path) if isinstance(cell, list) else cell for cell in cells
        ]
    if not all(cell is None or type(cell) is int for cell in cells):
        return cells
    for row, cell in enumerate(cells, start=1):
        if cell is not None and not _UNLABELLED <= cell < len(names):
            raise InputError(
                f"the class number {cell} has no name: there are only {len(names)} names",
                where=f"column {column!r}, row {row} of {path}",
                remedy=f"class numbers from 0 to {len(names) - 1}",
            )
    return [None if cell is None or cell == _UNLABELLED else names[cell] for cell in cells]
