"""SQLite file of an MLflow store: made whole or not at all, and made anew where it is half made.

MLflow makes its tables in the file itself, statement by statement for seconds. A process that ends
meanwhile leaves a file that no later one can use.
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

SETTLED_SECONDS = 5.0
"""A file that nobody has written for so long is not being made just now."""

_SEEDED = ("alembic_version", "experiments", "workspaces")
"""Tables in which a store that nobody has used has a row."""

_OLDEST = {"experiments", "runs", "metrics", "params", "tags"}
"""Tables that MLflow makes first; a file with none of them is another program's."""


class FileState(Enum):
    """What stands in a store's file."""

    EMPTY = auto()
    """No file, or one without tables."""
    HALF_MADE = auto()
    """Some of MLflow's tables, and nothing in them."""
    MADE = auto()
    """A store, whatever its version."""


def file_state(path: Path, head: Callable[[], str]) -> FileState:
    """Return what stands in a store's file.

    Args:
        path: The file.
        head: Gives the revision of the tables that the installed MLflow makes; asked where nothing
            else decides.

    Raises:
        sqlite3.Error: It is no database, or somebody holds it locked.
    """
    if not path.exists() or path.stat().st_size == 0:
        return FileState.EMPTY
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = [str(name) for (name,) in tables]
        if not names:
            return FileState.EMPTY
        if not _OLDEST & set(names) or _is_used(connection, names):
            return FileState.MADE
        found = None
        if "alembic_version" in names:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return FileState.MADE if found == (head(),) else FileState.HALF_MADE


def _is_used(connection: sqlite3.Connection, names: list[str]) -> bool:
    """Whether somebody has written anything that a fresh store does not hold."""
    most = {name: int(name in _SEEDED) for name in names if not name.startswith("sqlite_")}
    return any(
        connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] > count  # noqa: S608
        for name, count in most.items()
    )


def prepare(path: Path) -> Path | None:
    """Make a store's file where there is none, or one that is half made; called under a lock.

    Args:
        path: The file.

    Returns:
        Where a half-made file lies now; None where there was none.

    Raises:
        OSError: The file cannot be written.
        sqlite3.Error: It is no database.
    """
    state = file_state(path, _head)
    if state is FileState.HALF_MADE:
        _wait_until_settled(path)
        state = file_state(path, _head)
    if state is FileState.MADE:
        return None
    return make_whole(path, _make, in_place_of_half_made=state is FileState.HALF_MADE)


def _wait_until_settled(path: Path) -> None:
    """Wait for another program, as `mlflow ui`, that may be making the file just now."""
    while time.time() - path.stat().st_mtime < SETTLED_SECONDS:
        time.sleep(0.1)


def _make(path: Path) -> None:
    """Make a store in a file."""
    from mlflow.store.tracking import (  # noqa: PLC0415  (seconds)
        DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH,
    )
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415

    address = without_encoding(sqlite_address(path))
    store = SqlAlchemyStore(address, DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)  # type: ignore[no-untyped-call]
    store.engine.dispose()


def _head() -> str:
    """Return the revision of the tables that the installed MLflow makes."""
    from alembic.config import Config  # noqa: PLC0415  (MLflow loads it)
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("mlflow") / "store" / "db_migrations"))
    return str(ScriptDirectory.from_config(config).get_current_head())
