"""Tables of a study's SQLite file, and the indexes that an interrupted start may have left out.

Optuna makes a table and its indexes one after the other, and later looks for tables alone. Without
the index of the studies' names one name can be given twice.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from sqlalchemy import Connection, Index, create_engine, text

from tuner.files.sqlite_address import optuna_address, sqlite_address

_TABLES = models.BaseModel.metadata.tables


def make_tables(path: Path) -> None:
    """Make the tables in a new file, in write-ahead mode.

    Raises:
        SQLAlchemyError: It cannot be written.
        StorageInternalError: The same.
    """
    storage = RDBStorage(optuna_address(sqlite_address(path)))
    storage.remove_session()
    storage.engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def complete_indexes(path: Path) -> None:
    """Make the indexes that are missing of tables that are there.

    Raises:
        SQLAlchemyError: It cannot be written, or holds a name twice by now.
    """
    if not path.is_file():
        return
    engine = create_engine(sqlite_address(path))
    try:
        with engine.connect() as connection:
            for index in _missing(connection):
                index.create(connection)
            connection.commit()
    finally:
        engine.dispose()


def _missing(connection: Connection) -> list[Index]:
    names = text("SELECT name FROM sqlite_master WHERE type IN ('table', 'index')")
    found = set(connection.scalars(names))
    tables = (table for name, table in _TABLES.items() if name in found)
    return [index for table in tables for index in table.indexes if index.name not in found]
