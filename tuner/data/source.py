"""Source of a split's rows, and the identity of its content before it is read."""

from collections.abc import Callable
from dataclasses import dataclass

from tuner.checkpoints.content import file_hash
from tuner.checkpoints.packaged import find_packaged
from tuner.data.delimited import Hints
from tuner.data.examples import wanted_columns
from tuner.data.files import read_file
from tuner.data.table import Table
from tuner.errors import InputError
from tuner.files.home import expanded
from tuner.formatting.suggestion import nearest
from tuner.installation.remedies import install_module
from tuner.settings.file_formats import FORMATS
from tuner.settings.settings import MISSING, DataSettings

FILE_FORMATS = ("csv", "json", "parquet", "conll")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One split, found but not read."""

    identity: str | None
    """Identity of the content; None if only reading can tell."""
    read: Callable[[], Table]
    """Function that reads the rows."""


Finder = Callable[[DataSettings, str, str | None], Source]
"""Function that finds the rows of a role such as `train`, at the place in a key."""


def find_sources(data: DataSettings) -> tuple[Source, Source | None]:
    """Find training and validation rows; the latter are None if they are to be split off.

    Raises:
        InputError: The format is unknown, a key is missing, or a file does not exist.
    """
    find = _finder(data)
    train = find(data, "train", data.train)
    if data.validation is None:
        return train, None
    return train, find(data, "validation", data.validation)


def find_test(data: DataSettings) -> Source | None:
    """Find the test rows; return None if none are set.

    Raises:
        InputError: Like `find_sources`.
    """
    return None if data.test is None else _finder(data)(data, "test", data.test)


def _finder(data: DataSettings) -> Finder:
    if data.format not in FORMATS:
        raise InputError(
            "no data set is chosen" if data.format == MISSING else f"no format {data.format!r}",
            where="data.format",
            remedy=f"data={nearest(data.format, FORMATS) or 'csv'}, one of {', '.join(FORMATS)}",
        )
    return {"hub": _hub, "tfds": _tfds}.get(data.format, _file)


def _file(data: DataSettings, role: str, given: str | None) -> Source:
    if role == "train" and given is None and data.package is not None:
        path = find_packaged(data.package)
        if path is None:
            raise InputError(
                f"the package {data.package.name}, which carries the data, is not installed",
                where="data.package",
                remedy=install_module(data.package.name),
            )
    elif given is None or given == MISSING:
        raise InputError(
            "no training file is given", where="data.train", remedy="data.train=reviews.csv"
        )
    else:
        path = expanded(given)
    key = f"data.{role}"

    def read() -> Table:
        hints = Hints(
            delimiter=data.delimiter,
            quoting=data.quoting,
            label=(data.label_columns or [data.label])[0],
            separator=data.label_separator,
        )
        return read_file(path, data.format, wanted_columns(data), key, hints)

    identity = file_hash(path) + path.suffix.lower() if path.is_file() else None
    return Source(identity=identity, read=read)


def _hub(data: DataSettings, role: str, given: str | None) -> Source:
    from tuner.data.hub import hub_identity, read_hub  # noqa: PLC0415

    _refuse_unnamed(data)
    split = given or role
    return Source(identity=hub_identity(data, split), read=lambda: read_hub(data, split, role))


def _tfds(data: DataSettings, role: str, given: str | None) -> Source:
    from tuner.data.tfds import read_tfds, tfds_identity  # noqa: PLC0415

    _refuse_unnamed(data)
    split = given or role
    return Source(identity=tfds_identity(data, split), read=lambda: read_tfds(data, split, role))


def _refuse_unnamed(data: DataSettings) -> None:
    if not data.name or data.name == MISSING:
        example = (
            "data.name=stanfordnlp/imdb" if data.format == "hub" else "data.name=imdb_reviews"
        )
        raise InputError("no data set is named", where="data.name", remedy=example)
