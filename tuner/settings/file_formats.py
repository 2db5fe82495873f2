"""Formats of data files, by the endings of their names."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Endings of compressed files, which follow the file's own ending."""

FORMAT_OF_ENDING = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".psv": "csv", ".json": "json", ".jsonl": "json",
    ".ndjson": "json", ".parquet": "parquet", ".conll": "conll", ".conllu": "conll",
    ".iob": "conll", ".bio": "conll",
}  # fmt: skip
"""Ending of a file's name to its format; that of a compression may follow."""

FORMATS = ("csv", "json", "parquet", "conll", "hub", "tfds")
"""Values of `data.format`, each with an option of its name."""

REMOTE_FORMATS = ("hub", "tfds")
"""Formats whose data sets have a `data.name`."""


class AmbiguousFormatError(ValueError):
    """A data set is named, and the format that its name belongs to is not given."""


def inner_suffix(path: PurePath) -> str:
    """Return the ending of a file's name in lower case, without that of a compression."""
    if path.suffix.lower() in COMPRESSED:
        path = path.with_suffix("")
    return path.suffix.lower()


def implied_format(data: Mapping[str, Any]) -> str | None:
    """Return the format of a data set of which some keys are given.

    Args:
        data: Keys of the group `data`.

    Returns:
        `data.format`, else the format of the training file; None where the keys name no data.

    Raises:
        AmbiguousFormatError: A data set is named, which both remote formats could have.
    """
    if data.get("format") in FORMATS:
        return str(data["format"])
    if data.get("name"):
        raise AmbiguousFormatError(str(data["name"]))
    train = data.get("train")
    if isinstance(train, str) and train:
        return FORMAT_OF_ENDING.get(inner_suffix(PurePath(train)), "csv")
    return "csv" if data.get("package") else None
