"""Waiting for a storage that is locked, slow or away; and which of its errors pass by waiting."""

import errno
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tuner.errors import TunerError
from tuner.files.disk import FULL, REFUSED, UNUSABLE, DiskFullError, UnwritableError
from tuner.processes.active_time import ActiveTime, step_of

T = TypeVar("T")

AWAY = (SQLAlchemyError, StorageInternalError, OSError)
"""What a storage raises that is away: a database, or a file."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 15.0
"""Seconds; a pause is twice the one before it, give or take half."""

_LONGEST_TRY = 60.0
"""Seconds that count of one try: a process may be suspended in it, and a connection lost by that.
"""

SLICE = 0.2
"""Seconds between two checks whether retrying was stopped."""

_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_READ_ONLY = REFUSED - {errno.EIO}
"""Over a network also an input or output error may pass."""

_FULL_STATES = {"53100"}
"""SQLSTATE of PostgreSQL for a disk that is full."""


class StorageAwayError(TunerError):
    """The study's database did not answer for as long as `storage.retry_timeout` allows."""


class Patience:
    """Does what needs the database again until it works, with a growing pause."""

    def __init__(
        self,
        seconds: float,
        where: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing has failed so far.

        Args:
            seconds: How long it is tried.
            where: The database, for messages; without its password.
            clock: Seconds, monotonic.
            sleep: Waits for so many seconds.
        """
        self._seconds = seconds
        self._where = where
        self._clock = clock
        self._sleep = sleep
        self._steady_since = clock()
        self._is_stopped = False

    @property
    def steady(self) -> float:
        """Seconds since the database last failed, or since the beginning."""
        return self._clock() - self._steady_since

    def interrupted(self) -> None:
        """Notes that the database was away, or we were."""
        self._steady_since = self._clock()

    def stop_retrying(self) -> None:
        """Ends every wait, now and later; safe in a signal handler."""
        self._is_stopped = True

    def __call__(self, action: Callable[[], T]) -> T:
        """Returns what the action returns; it may run several times.

        Raises:
            StorageAwayError: It failed until the time was over.
            DiskFullError: The database has no room left.
            UnwritableError: The database can only be read.
        """
        waiting = ActiveTime(self._clock, step_of(self._seconds, _LONGEST_TRY))
        for pause in _pauses():
            try:
                return action()
            except Exception as error:
                self._refuse(error)
                left = self._seconds - waiting()
                if left <= 0 or self._is_stopped:
                    raise self._away(error) from error
                self._wait(min(pause, left), waiting)
        raise AssertionError("pauses never end")

    def _refuse(self, error: Exception) -> None:
        """Raises what does not pass by waiting; what is said already in our own words is final."""
        if isinstance(error, TunerError):
            raise error
        if disk_full(error):
            raise DiskFullError(self._where) from error
        if _unwritable(error):
            raise UnwritableError(self._where, _one_line(error)) from error
        if not passes(error):
            raise error

    def _wait(self, seconds: float, waiting: ActiveTime) -> None:
        until = waiting() + seconds
        while not self._is_stopped and (left := until - waiting()) > 0:
            self._sleep(min(SLICE, left))
        self.interrupted()

    def _away(self, error: Exception) -> StorageAwayError:
        waited = "" if self._is_stopped else f" for {self._seconds:.0f} s (storage.retry_timeout)"
        return StorageAwayError(
            f"the study's database did not answer{waited}: {_one_line(error)}\n"
            f"  where: {self._where}\n"
            "  try:   the same command when it is back; every trial told so far is kept, those "
            "that ran are taken up again"
        )


def passes(error: BaseException) -> bool:
    """Whether a storage's error may be over in a while: locked, restarted, not reached."""
    if isinstance(error, OSError):
        return error.errno not in UNUSABLE
    cause = _database_error(error)
    if cause is None:
        return False
    if isinstance(cause, PoolTimeoutError) or being_made(error):
        return True
    code = _sqlite_code(cause)
    if code is not None:
        return code in _PASSING
    return cause.connection_invalidated or isinstance(cause, OperationalError | InterfaceError)


def being_made(error: BaseException) -> bool:
    """Whether another agent makes the same tables just now."""
    cause = _database_error(error)
    return cause is not None and "already exists" in str(cause)


def disk_full(error: BaseException) -> bool:
    """Whether a storage says that it has no room left."""
    if isinstance(error, OSError):
        return error.errno in FULL
    cause = _database_error(error)
    if not isinstance(cause, DBAPIError):
        return False
    states = {getattr(cause.orig, name, None) for name in ("sqlstate", "pgcode")}
    return _sqlite_code(cause) == sqlite3.SQLITE_FULL or bool(states & _FULL_STATES)


def _unwritable(error: BaseException) -> bool:
    """Whether a storage can only be read."""
    if isinstance(error, OSError):
        return error.errno in _READ_ONLY
    return _sqlite_code(_database_error(error)) in _UNWRITABLE


def _database_error(error: BaseException) -> DBAPIError | PoolTimeoutError | None:
    """The database's own error behind one of Optuna's."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, DBAPIError | PoolTimeoutError):
        cause = cause.__cause__
    return cause


def _sqlite_code(error: BaseException | None) -> int | None:
    """SQLite's primary result code; None where it is not SQLite's error."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def _one_line(error: Exception) -> str:
    cause = _database_error(error)
    shown = getattr(cause, "orig", None) or cause or error
    lines = str(shown).strip().splitlines()
    return f"{type(shown).__name__}: {lines[0]}" if lines else type(shown).__name__


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1.5)  # noqa: S311
        pause = min(2 * pause, LONGEST_PAUSE)
