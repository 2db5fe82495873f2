"""Retries of a storage that is locked, slow or unavailable, and its transient errors."""

import errno
import logging
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

_log = logging.getLogger(__name__)

STORAGE_ERRORS = (SQLAlchemyError, StorageInternalError, OSError)
"""Errors that a database or a file raises, for example while it is unavailable."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 15.0
"""Seconds; each pause is twice the previous one, plus or minus half."""

_LONGEST_TRY = 60.0
"""Seconds of one try that count: a process may be suspended in it and lose its connection."""

SLICE = 0.2
"""Seconds between two checks whether retrying was stopped."""

TICK = 1e-6
"""Seconds that are not worth a wait: adding them may not move a clock."""

_TRANSIENT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_READ_ONLY = REFUSED - {errno.EIO}
"""Over a network an input or output error may be transient, too."""

_FULL_STATES = {"53100"}
"""SQLSTATE of PostgreSQL for a disk that is full."""


class StorageUnavailableError(TunerError):
    """The study's database did not answer for as long as `storage.retry_timeout` allows."""


class StorageRetry:
    """Repeats an action on the database until it works, with growing pauses."""

    def __init__(
        self,
        seconds: float,
        where: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start without a failure.

        Args:
            seconds: Seconds to retry.
            where: Database without its password, for messages.
            clock: Function that returns monotonic seconds.
            sleep: Function that waits for a number of seconds.
        """
        self._seconds = seconds
        self._where = where
        self._clock = clock
        self._sleep = sleep
        self._last_failure = clock()
        self._retrying_stopped = False

    @property
    def seconds_since_failure(self) -> float:
        """Seconds since the database last failed, or since the start."""
        return self._clock() - self._last_failure

    def note_failure(self) -> None:
        """Note that the database, or this agent, was unavailable."""
        self._last_failure = self._clock()

    def stop_retrying(self) -> None:
        """End every wait, now and later; safe in a signal handler."""
        self._retrying_stopped = True

    def __call__(self, action: Callable[[], T]) -> T:
        """Return the action's result; the action may run several times.

        Raises:
            StorageUnavailableError: It failed until the time was over.
            DiskFullError: The database's disk is full.
            UnwritableError: The database can only be read.
        """
        waiting = ActiveTime(self._clock, step_of(self._seconds, _LONGEST_TRY))
        for pause in _pauses():
            try:
                return action()
            except Exception as error:
                self._raise_if_final(error)
                left = self._seconds - waiting()
                if left <= 0 or self._retrying_stopped:
                    raise self._unavailable(error) from error
                _log.info("storage fails, %.0f s are left: %s", left, _one_line(error))
                self._wait(min(pause, left), waiting)
        raise AssertionError("pauses never end")

    def _raise_if_final(self, error: Exception) -> None:
        """Raise an error that retrying does not solve; our own errors are final, too."""
        if isinstance(error, TunerError):
            raise error
        if is_disk_full(error):
            raise DiskFullError(self._where) from error
        if _unwritable(error):
            raise UnwritableError(self._where, _one_line(error)) from error
        if not is_transient(error):
            raise error

    def _wait(self, seconds: float, waiting: ActiveTime) -> None:
        until = waiting() + seconds
        while not self._retrying_stopped and (left := until - waiting()) > TICK:
            self._sleep(min(SLICE, left))
        self.note_failure()

    def _unavailable(self, error: Exception) -> StorageUnavailableError:
        waited = (
            "" if self._retrying_stopped else f" for {self._seconds:.0f} s (storage.retry_timeout)"
        )
        return StorageUnavailableError(
            f"the study's database did not answer{waited}: {_one_line(error)}\n"
            f"  where: {self._where}\n"
            "  try:   the same command when it is back; every reported trial is kept, and running "
            "ones are resumed"
        )


def is_transient(error: BaseException) -> bool:
    """Return True if a storage's error may pass: locked, restarting, not reachable."""
    if isinstance(error, OSError):
        return error.errno not in UNUSABLE
    cause = _database_error(error)
    if cause is None:
        return False
    if isinstance(cause, PoolTimeoutError) or is_being_created(error):
        return True
    code = _sqlite_code(cause)
    if code is not None:
        return code in _TRANSIENT
    return cause.connection_invalidated or isinstance(cause, OperationalError | InterfaceError)


def is_being_created(error: BaseException) -> bool:
    """Return True if another agent is making the same tables."""
    cause = _database_error(error)
    return cause is not None and "already exists" in str(cause)


def is_disk_full(error: BaseException) -> bool:
    """Return True if a storage reports a full disk."""
    if isinstance(error, OSError):
        return error.errno in FULL
    cause = _database_error(error)
    if not isinstance(cause, DBAPIError):
        return False
    states = {getattr(cause.orig, name, None) for name in ("sqlstate", "pgcode")}
    return _sqlite_code(cause) == sqlite3.SQLITE_FULL or bool(states & _FULL_STATES)


def _unwritable(error: BaseException) -> bool:
    """Return True if a storage can only be read."""
    if isinstance(error, OSError):
        return error.errno in _READ_ONLY
    return _sqlite_code(_database_error(error)) in _UNWRITABLE


def _database_error(error: BaseException) -> DBAPIError | PoolTimeoutError | None:
    """Return the database's own error behind one of Optuna's; None if there is none."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, DBAPIError | PoolTimeoutError):
        cause = cause.__cause__
    return cause


def _sqlite_code(error: BaseException | None) -> int | None:
    """Return SQLite's primary result code; None if it is not SQLite's error."""
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
