"""The storage of a study, opened for running the study, whatever its kind."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from tuner.errors import InputError
from tuner.files.disk import DiskFullError
from tuner.files.sqlite_address import optuna_address, sqlite_address, sqlite_path
from tuner.files.whole_database import make_whole
from tuner.study.coordination import Coordination, FileCoordination, file_lock
from tuner.study.database_file import DatabaseFile
from tuner.study.database_tables import complete_indexes, make_tables
from tuner.study.foreign import refuse_foreign_file
from tuner.study.journal import journal_path
from tuner.study.journal_file import JournalFile
from tuner.study.server_coordination import ServerCoordination
from tuner.study.storage_retry import STORAGE_ERRORS, is_disk_full

LOCK_TIMEOUT = 10.0
"""Seconds that SQLite itself waits for another process's lock; we try again after that."""

LONGEST_PAUSE = 30_000
"""Milliseconds that an agent may be suspended in a transaction before PostgreSQL ends it.

Until then other agents wait for its locks.
"""


@dataclass(frozen=True, kw_only=True)
class OpenStorage:
    """Optuna's storage of a study, and the state that its agents share beside it."""

    optuna: BaseStorage
    coordination: Coordination
    engine: Engine | None = None
    """Engine of the database; None for a journal."""
    file: DatabaseFile | None = None
    """File of the database; None for a server or a journal."""

    @classmethod
    def journal(cls, url: str, me: Mapping[str, Any]) -> Self:
        """Open the journal at an address; make it if it is missing.

        Raises:
            InputError: It cannot be made, or a line in it is no record.
        """
        path = journal_path(url)
        try:
            if path.is_file():  # Checked before anything is made beside another program's file.
                next(JournalFile(path).read_logs(0), None)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("ab").close()
            file = JournalFile(path, file_lock(path, me))
            coordination = FileCoordination(path, me, file.locked, file.check_lock)
        except OSError as error:
            raise InputError(
                f"the study cannot be written: {error}",
                where=str(path),
                remedy="output=FOLDER or storage.url=journal:///FILE in a writable folder",
            ) from error
        return cls(optuna=JournalStorage(file), coordination=coordination)

    @classmethod
    def database(cls, url: str, me: Mapping[str, Any], study: str) -> Self:
        """Open a database; make its missing tables.

        Args:
            url: SQLAlchemy URL.
            me: Identity of this agent.
            study: Name of the study.
        """
        path = sqlite_path(url)
        if path is None:
            engine = create_engine(url)
            if engine.dialect.name == "postgresql":
                event.listen(engine, "connect", _limit_suspension)
            optuna = _optuna_storage(url, engine)
            server = ServerCoordination(engine, study, me["agent"])
            return cls(optuna=optuna, coordination=server, engine=engine)
        path = Path(str(path).removeprefix("file:"))
        complete_indexes(path)
        engine = create_engine(url, connect_args={"timeout": LOCK_TIMEOUT})
        event.listen(engine, "connect", _reduce_syncs)
        optuna = _optuna_storage(url, engine)
        file = DatabaseFile.of(engine.url)
        if file is not None:
            # A connection would make an empty file if there is none.
            event.listen(engine, "do_connect", lambda *_: file.check())
        coordination = FileCoordination(path, me)
        return cls(optuna=optuna, coordination=coordination, engine=engine, file=file)

    def check(self) -> None:
        """Raise StudyLostError if the database's file was removed or replaced."""
        if self.file is not None:
            self.file.check()

    def close(self) -> None:
        """Remove this agent's heartbeat and close the storage."""
        with suppress(*STORAGE_ERRORS):
            self.coordination.close()
        self.optuna.remove_session()
        if self.engine is not None:
            self.engine.dispose()
        if self.file is not None:
            self.file.close()


def _optuna_storage(url: str, engine: Engine) -> RDBStorage:
    """Open a database for Optuna with the connections of our engine."""
    return RDBStorage(optuna_address(url), engine_kwargs={"pool": engine.pool})


def _reduce_syncs(connection: sqlite3.Connection, _record: object) -> None:
    """Sync rarely with a write-ahead log: a power failure loses the last reports at most.

    Without such a log it could damage the file:
    https://www.sqlite.org/pragma.html#pragma_synchronous
    """
    if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        connection.execute("PRAGMA synchronous=NORMAL")


def _limit_suspension(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {LONGEST_PAUSE}")
    connection.commit()


def sqlite_url(path: Path) -> str:
    """Make the study's own database in write-ahead mode and return its SQLAlchemy URL.

    Write-ahead mode lets readers (optuna-dashboard, `report`) read without stopping the sweep. The
    file keeps it for every later connection.

    Raises:
        InputError: The file cannot be made, or is no database.
        DiskFullError: The disk is full.
    """
    refuse_foreign_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.stat().st_size == 0:
            make_whole(path, make_tables)
        with closing(sqlite3.connect(path, timeout=LOCK_TIMEOUT)) as connection:
            _set_write_ahead(connection)
    except (OSError, sqlite3.Error, SQLAlchemyError, StorageInternalError) as error:
        if is_disk_full(error) or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            raise DiskFullError(str(path)) from error
        raise InputError(
            f"the study cannot be written: {error}",
            where=f"{path} (output={path.parent.parent})",
            remedy="output=FOLDER that can be written; or move a study.db that is no study away",
        ) from error
    return sqlite_address(path)


def _set_write_ahead(connection: sqlite3.Connection) -> None:
    """Set write-ahead mode, which the file keeps; nothing is written if it is set already."""
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        # Another process holds the file; whoever opens it next sets the mode.
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
