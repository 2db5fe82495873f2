"""The study's database: opened, and written by the owner of a trial alone."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import TrialState as OptunaState
from sqlalchemy import Float, event, insert, literal, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from tuner.errors import InputError
from tuner.files.disk import DiskFullError
from tuner.files.sqlite_address import optuna_address, sqlite_address, sqlite_path
from tuner.files.whole_database import make_whole
from tuner.study.database_file import DatabaseFile
from tuner.study.database_tables import complete_indexes, make_tables
from tuner.study.foreign import refuse_foreign_file
from tuner.study.ledger import OWNER, NotOursError
from tuner.study.patience import disk_full

LOCK_TIMEOUT = 10.0
"""Seconds that SQLite itself waits for another process's lock; we try again after that."""

KIND = models.TrialIntermediateValueModel.__table__.c.intermediate_value_type.type

LONGEST_PAUSE = 30_000
"""Milliseconds that an agent may be frozen in a transaction until PostgreSQL ends it.

Until then the others wait: it holds locks.
"""


class OwnedStorage(RDBStorage):
    """Optuna's database, in which only its owner writes a trial.

    Whether a trial is ours is looked up in the transaction that writes, so an agent that was
    frozen while its trial went to another one can not write into it.
    """

    def __init__(self, url: str, me: Mapping[str, Any]) -> None:
        """Opens the database, and makes the tables where they are missing.

        Args:
            url: SQLAlchemy URL.
            me: Identity of this agent.
        """
        self.me = json.dumps(me)
        is_sqlite = url.startswith("sqlite")
        if (file := sqlite_path(url)) is not None:
            complete_indexes(file)
        # Python would begin a transaction at the first write only, so that what was read before
        # could be old by then. One that begins at once holds the lock from its first read.
        arguments = {"timeout": LOCK_TIMEOUT, "isolation_level": None} if is_sqlite else {}
        super().__init__(optuna_address(url), engine_kwargs={"connect_args": arguments})
        self._file = DatabaseFile.of(self.engine.url) if is_sqlite else None
        if is_sqlite:
            event.listen(self.engine, "begin", self._begin_immediate)
            event.listen(self.engine, "do_connect", self._check_file)
            event.listen(self.engine, "connect", _sync_seldom)
        elif self.engine.dialect.name == "postgresql":
            event.listen(self.engine, "connect", _end_frozen)
        # The connection that made the tables was there before; those from now on are set up.
        self.engine.dispose()

    def _begin_immediate(self, connection: Connection) -> None:
        """Called at the begin of every transaction.

        Raises:
            StudyLostError: The file was removed or replaced.
        """
        self._check_file()
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def _check_file(self, *_: object) -> None:
        """Called before every connection, which would make an empty file where there is none."""
        if self._file is not None:
            self._file.check()

    def check_trial_is_updatable(self, trial_id: int, trial_state: OptunaState) -> None:
        """Called by every writing method of Optuna, inside its transaction.

        Raises:
            NotOursError: The trial belongs to another agent.
        """
        super().check_trial_is_updatable(trial_id, trial_state)
        if owner_text(self.scoped_session(), trial_id, keeping=True) != self.me:
            raise NotOursError(trial_id)

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Optuna's, in one statement where it is a new point of a running trial of ours."""
        values = models.TrialIntermediateValueModel
        value, kind = values.intermediate_value_to_stored_repr(intermediate_value)
        trials, owners = models.TrialModel, models.TrialUserAttributeModel
        told = select(values.step).where(values.trial_id == trial_id, values.step == step)
        row = (
            select(trials.trial_id, literal(step), literal(value, Float), literal(kind, KIND))
            .join(owners, (owners.trial_id == trials.trial_id) & (owners.key == OWNER))
            .where(
                trials.trial_id == trial_id,
                trials.state == OptunaState.RUNNING,
                owners.value_json == self.me,
                ~told.exists(),
            )
            .with_for_update(read=True)
        )
        columns = ["trial_id", "step", "intermediate_value", "intermediate_value_type"]
        with self.transaction() as session:
            added = session.execute(insert(values).from_select(columns, row))
        if getattr(added, "rowcount", 0) == 0:
            super().set_trial_intermediate_value(trial_id, step, intermediate_value)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction of our own on Optuna's tables; Optuna's methods are not called in it."""
        with self.scoped_session() as session, session.begin():
            yield session

    def close(self) -> None:
        """Lets the database go."""
        self.remove_session()
        self.engine.dispose()
        if self._file is not None:
            self._file.close()


def owner_text(session: Session, trial_id: int, *, keeping: bool = False) -> str | None:
    """A trial's owner as it is stored; None: nobody has had it.

    Args:
        session: A transaction.
        trial_id: The trial.
        keeping: Whether the owner stays the same until the transaction ends.
    """
    attributes = models.TrialUserAttributeModel
    query = select(attributes.value_json).where(
        attributes.trial_id == trial_id, attributes.key == OWNER
    )
    found = session.scalar(query.with_for_update(read=True) if keeping else query)
    return None if found is None else str(found)


def _sync_seldom(connection: sqlite3.Connection, _record: object) -> None:
    """With a write-ahead log only a power failure loses anything: the last reports, never order.

    Without one it could damage the file: https://www.sqlite.org/pragma.html#pragma_synchronous
    """
    if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        connection.execute("PRAGMA synchronous=NORMAL")


def _end_frozen(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {LONGEST_PAUSE}")
    connection.commit()


def sqlite_url(path: Path) -> str:
    """SQLAlchemy URL of the study's own database; the file is made, in write-ahead mode.

    Write-ahead mode lets readers (optuna-dashboard, `report`) look without stopping the sweep,
    and is kept in the file for every later connection.

    Raises:
        InputError: The file can not be made, or is no database.
        DiskFullError: There is no room for it.
    """
    refuse_foreign_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.stat().st_size == 0:
            make_whole(path, make_tables)
        with closing(sqlite3.connect(path, timeout=LOCK_TIMEOUT)) as connection:
            _set_write_ahead(connection)
    except (OSError, sqlite3.Error, SQLAlchemyError, StorageInternalError) as error:
        if disk_full(error) or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            raise DiskFullError(str(path)) from error
        raise InputError(
            f"the study can not be written: {error}",
            where=f"{path} (output={path.parent.parent})",
            remedy="output=FOLDER that can be written; a study.db that is no study moved away",
        ) from error
    return sqlite_address(path)


def _set_write_ahead(connection: sqlite3.Connection) -> None:
    """The mode stays in the file; one that has it is not written again."""
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        # Somebody holds the file; whoever opens it next sets the mode.
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
