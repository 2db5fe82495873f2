"""One process at a time: databases that several agents would otherwise make at once."""

import fcntl
import getpass
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tuner.errors import TunerError
from tuner.processes.active_time import ActiveTime, step_of
from tuner.secrets import hidden

LOCK_SECONDS = 60.0

PATTERN = "tuner-*.lock"
"""Names of the locks' files in the temporary folder."""

_LONGEST_STEP = 5.0
"""Seconds that count of the time between two attempts."""

_PAUSE_SECONDS = 0.05
"""Between two attempts."""


@contextmanager
def exclusive(store: str, timeout: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold a lock over a store among this user's processes on this machine.

    Creating one SQLite database from several processes leaves some of them with half of its
    tables. The lock's file lies in the temporary folder, holds nothing and goes with the lock.

    Args:
        store: The store's address, or its absolute path, possibly with a suffix.
        timeout: Seconds to wait for it.

    Raises:
        TunerError: Another process keeps it, or the lock cannot be made.
    """
    # One store, however its path is spelt.
    place = os.path.realpath(store) if store.startswith(os.sep) else store
    name = hashlib.sha256(f"{_user()} {place}".encode(errors="surrogateescape")).hexdigest()[:16]
    file = Path(tempfile.gettempdir()) / PATTERN.replace("*", name)
    try:
        descriptor = _acquired(file, timeout)
    except TimeoutError as error:
        raise TunerError(
            f"another process has been opening the same store for {timeout:.0f} s\n"
            f"  where: {hidden(store)} (its lock: {file})\n"
            "  try:   end that process, if it hangs; then the same command"
        ) from error
    except OSError as error:
        raise TunerError(
            f"the lock of a store cannot be made: {error.strerror or error}\n"
            f"  where: {file}\n"
            "  try:   TMPDIR=FOLDER before the command, a folder that can be written"
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()
        os.close(descriptor)


def remove_if_free(file: Path) -> bool:
    """Remove the file of a lock that nobody holds; a killed process leaves one.

    Returns:
        True if it is gone.
    """
    try:
        descriptor = _attempted(file, create=False)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    if descriptor is None:
        return False
    try:
        file.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _acquired(file: Path, timeout: float) -> int:
    """Return the open file of a lock that is ours now.

    A suspension of this process uses up a quarter of the time at most.

    Raises:
        TimeoutError: Another process holds it.
        OSError: The file cannot be made.
    """
    waiting = ActiveTime(time.monotonic, step_of(timeout, _LONGEST_STEP))
    while True:
        descriptor = _attempted(file, create=True)
        if descriptor is not None:
            return descriptor
        if waiting() >= timeout:
            raise TimeoutError
        time.sleep(_PAUSE_SECONDS)


def _attempted(file: Path, *, create: bool) -> int | None:
    """Return the open file of a lock that is ours now; None where another process holds it."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    while True:
        descriptor = os.open(file, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        if _is_in_place(descriptor, file):
            return descriptor
        os.close(descriptor)  # Whoever held it has removed the file meanwhile.


def _is_in_place(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.lstat())
    except FileNotFoundError:
        return False


def _user() -> str:
    """Name of this user, because another user could not open the lock's file."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""
