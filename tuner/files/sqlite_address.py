"""Addresses of SQLite files: SQLAlchemy URLs of a path, and the path that a URL names.

SQLAlchemy decodes `%20` in a URL, so a path never becomes a URL by putting `sqlite:///` before it.
"""

import re
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

_MEMORY = (None, "", ":memory:")


def sqlite_address(path: Path) -> str:
    """SQLAlchemy URL of a SQLite file, whatever characters its path holds."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def sqlite_path(address: str) -> Path | None:
    """File of a SQLite database.

    Args:
        address: A SQLAlchemy URL.

    Returns:
        None for any other database, for one in memory, and for what is no URL.
    """
    try:
        url = make_url(address)
    except (SQLAlchemyError, ValueError):
        return None
    if url.get_backend_name() != "sqlite" or url.database in _MEMORY:
        return None
    return Path(str(url.database))


def without_encoding(address: str) -> str:
    """The same SQLite file with no percent-encoding in its address, where that is possible.

    MLflow creates the folder of the text as written: with `my%20exp` for the folder `my exp`, it
    leaves an empty folder `my%20exp` behind, or fails where it may not create one.

    Args:
        address: A tracking URI; only those of SQLite change.

    Returns:
        The address with the path as written; relative to the current folder where only that can
        be written without encoding; else unchanged.
    """
    path = sqlite_path(address)
    if path is None or unquote(address) == address:
        return address
    here = Path.cwd()
    candidates = [path, path.relative_to(here)] if path.is_relative_to(here) else [path]
    plain = (address.replace(_body(address), str(candidate)) for candidate in candidates)
    return next((text for text in plain if sqlite_path(text) in candidates), address)


def _body(address: str) -> str:
    """The part of an address that names the file."""
    return address.partition(":///")[2].partition("?")[0]


def artifact_location(address: str, experiment: str) -> str | None:
    """Folder for an experiment's artifacts, where MLflow's own default would be another one.

    MLflow decodes the current folder's path: in `a%20b` it would write to `a b/mlruns`.

    Args:
        address: Tracking URI.
        experiment: Its name.

    Returns:
        A file URI; None where MLflow's default is right, or the artifacts are a server's.
    """
    here = str(Path.cwd())
    if sqlite_path(address) is None or unquote(here) == here:
        return None
    return (Path.cwd() / "mlruns" / experiment).as_uri()


def optuna_address(address: str) -> str:
    """An address as Optuna takes it: braces doubled, since Optuna formats `{SCHEMA_VERSION}`."""
    return re.sub(r"\{(?!SCHEMA_VERSION\})|(?<!\{SCHEMA_VERSION)\}", r"\g<0>\g<0>", address)
