"""One process at a time: databases that several agents would otherwise make at once."""

import getpass
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tuner.errors import TunerError
from tuner.secrets import hidden

LOCK_SECONDS = 60.0


@contextmanager
def exclusive(store: str, timeout: float = LOCK_SECONDS) -> Iterator[None]:
    """Holds a lock over a store among this user's processes on this machine.

    Creating one SQLite database from several processes leaves some of them with half of its
    tables. The lock's file lies in the temporary folder and holds nothing.

    Args:
        store: The store's address.
        timeout: Seconds to wait for it.

    Raises:
        TunerError: Another process does not let go of it.
    """
    name = hashlib.sha256(f"{_user()} {store}".encode()).hexdigest()[:16]
    file = Path(tempfile.gettempdir()) / f"tuner-{name}.lock"
    lock = FileLock(file, timeout=timeout)
    try:
        lock.acquire()
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


def _user() -> str:
    """Who we are: another user could not open the lock's file."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""
