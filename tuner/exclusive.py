"""One process at a time: databases that several agents would otherwise make at once."""

import getpass
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tuner.core.active_time import ActiveTime, step_of
from tuner.errors import TunerError
from tuner.secrets import hidden

LOCK_SECONDS = 60.0

_TRY_SECONDS = 5.0


@contextmanager
def exclusive(store: str, timeout: float = LOCK_SECONDS) -> Iterator[None]:
    """Holds a lock over a store among this user's processes on this machine.

    Creating one SQLite database from several processes leaves some of them with half of its
    tables. The lock's file lies in the temporary folder and holds nothing.

    Args:
        store: The store's address, or its absolute path and perhaps a word behind it.
        timeout: Seconds to wait for it.

    Raises:
        TunerError: Another process does not let go of it.
    """
    # One store, however its path is spelt.
    place = os.path.realpath(store) if store.startswith(os.sep) else store
    name = hashlib.sha256(f"{_user()} {place}".encode(errors="surrogateescape")).hexdigest()[:16]
    file = Path(tempfile.gettempdir()) / f"tuner-{name}.lock"
    lock = FileLock(file)
    try:
        _acquire(lock, timeout)
    except Timeout as error:
        raise TunerError(
            f"another process has been opening the same store for {timeout:.0f} s\n"
            f"  where: {hidden(store)} (its lock: {file})\n"
            "  try:   end that process, if it hangs; then the same command"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, timeout: float) -> None:
    """Acquire a lock; a suspension of this process uses up a quarter of the time at most.

    Raises:
        Timeout: Another process holds it.
    """
    waiting = ActiveTime(time.monotonic, step_of(timeout, _TRY_SECONDS))
    while True:
        try:
            lock.acquire(timeout=min(_TRY_SECONDS, timeout / 4))
        except Timeout:
            if waiting() >= timeout:
                raise
        else:
            return


def _user() -> str:
    """Who we are: another user could not open the lock's file."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""
