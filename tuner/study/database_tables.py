"""Tables of a study's SQLite file, and indexes that an interrupted start may have left out.

Optuna makes a table and its indexes one after the other, and later looks for tables alone. Without
the index of the studies' names two studies can get the same name.
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from optuna.storages import RDBStorage
from sqlalchemy import NullPool, create_engine, text

from tuner.files.sqlite_address import optuna_address, sqlite_address

_INDEXED = ("studies", "trials")
"""Tables that Optuna makes indexes of."""

_FOUND = text("SELECT name, type, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")


def make_tables(path: Path) -> None:
    """Make the tables in a new file, in write-ahead mode.

    Raises:
        SQLAlchemyError: The file cannot be written.
        StorageInternalError: Likewise.
    """
    address = optuna_address(sqlite_address(path))
    storage = RDBStorage(address, engine_kwargs={"poolclass": NullPool})
    storage.remove_session()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def complete_indexes(path: Path) -> None:
    """Make the missing indexes of existing tables.

    Raises:
        SQLAlchemyError: The file cannot be written, or holds a name twice already.
    """
    if not path.is_file():
        return
    engine = create_engine(sqlite_address(path), poolclass=NullPool)
    with engine.connect() as connection:
        rows = connection.execute(_FOUND).all()
        indexed = {row.tbl_name for row in rows if row.type == "index"}
        missing = {row.name for row in rows if row.type == "table"} - indexed
        for table in missing & set(_INDEXED):
            for statement in _indexes(table):
                connection.execute(text(statement))
        connection.commit()


def _indexes(table: str) -> list[str]:
    """Return the statements that make a table's indexes, as Optuna made them in a new file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new.db"
        make_tables(path)
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute(str(_FOUND)).fetchall()
    return [sql for _, kind, owner, sql in found if kind == "index" and owner == table]
