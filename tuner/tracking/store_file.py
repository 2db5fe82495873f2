"""SQLite file of an MLflow store: made completely or not at all, and repaired if incomplete.

MLflow makes its tables in the file itself, one statement after another, for seconds. A process
that ends meanwhile leaves a file that no later one can use.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from enum import Enum, auto
from importlib.resources import files
from pathlib import Path

from tuner.files.sqlite_address import sqlite_address, without_encoding
from tuner.files.whole_database import make_whole

UNCHANGED_SECONDS = 5.0
"""Seconds without a write after which a file is not being made."""

_SEEDED = ("alembic_version", "experiments", "workspaces")
"""Tables in which an unused store has a row."""

_OLDEST = {"experiments", "runs", "metrics", "params", "tags"}
"""Tables that MLflow makes first; a file without any of them belongs to another program."""


class FileState(Enum):
    """State of a store's file."""

    EMPTY = auto()
    """There is no file, or it has no tables."""
    INCOMPLETE = auto()
    """It has some of MLflow's tables, with nothing in them."""
    COMPLETE = auto()
    """It is a store, of any version."""


def file_state(path: Path, head: Callable[[], str]) -> FileState:
    """Return the state of a store's file.

    Args:
        path: File of the store.
        head: Function that returns the revision of the installed MLflow's tables; called only if
            nothing else decides.

    Raises:
        sqlite3.Error: The file is no database, or another process holds it locked.
    """
    if not path.exists() or path.stat().st_size == 0:
        return FileState.EMPTY
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = [str(name) for (name,) in tables]
        if not names:
            return FileState.EMPTY
        if not _OLDEST & set(names) or _is_used(connection, names):
            return FileState.COMPLETE
        found = None
        if "alembic_version" in names:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return FileState.COMPLETE if found == (head(),) else FileState.INCOMPLETE


def _is_used(connection: sqlite3.Connection, names: list[str]) -> bool:
    """Return True if a table holds more rows than in a fresh store."""
    most = {name: int(name in _SEEDED) for name in names if not name.startswith("sqlite_")}
    return any(
        connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] > count  # noqa: S608
        for name, count in most.items()
    )


def prepare(path: Path) -> Path | None:
    """Make a store's file if it is missing or incomplete; called under a lock.

    Args:
        path: File of the store.

    Returns:
        New path of an incomplete file; None if there was none.

    Raises:
        OSError: The file cannot be written.
        sqlite3.Error: The file is no database.
    """
    state = file_state(path, _head)
    if state is FileState.INCOMPLETE:
        _wait_until_unchanged(path)
        state = file_state(path, _head)
    if state is FileState.COMPLETE:
        return None
    return make_whole(path, _make, in_place_of_half_made=state is FileState.INCOMPLETE)


def _wait_until_unchanged(path: Path) -> None:
    """Wait for another program that may be making the file, for example `mlflow ui`."""
    while time.time() - path.stat().st_mtime < UNCHANGED_SECONDS:
        time.sleep(0.1)


def _make(path: Path) -> None:
    """Make a store in a new file."""
    from mlflow.store.tracking import (  # noqa: PLC0415  (seconds)
        DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH,
    )
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415

    address = without_encoding(sqlite_address(path))
    store = SqlAlchemyStore(address, DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)  # type: ignore[no-untyped-call]
    store.engine.dispose()


def _head() -> str:
    """Return the revision of the installed MLflow's tables."""
    from alembic.config import Config  # noqa: PLC0415  (MLflow loads it)
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("mlflow") / "store" / "db_migrations"))
    return str(ScriptDirectory.from_config(config).get_current_head())
