"""One process at a time: databases that several agents would otherwise make at once."""

import hashlib
import tempfile
from pathlib import Path

from filelock import BaseFileLock, FileLock

LOCK_SECONDS = 60.0


def exclusive(store: str) -> BaseFileLock:
    """A lock over a store for the processes of this machine.

    Creating one SQLite database from several processes leaves some of them with half of its
    tables. The lock's file lies in the temporary folder and holds nothing.

    Args:
        store: The store's address.
    """
    name = hashlib.sha256(store.encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir()) / f"tuner-{name}.lock", timeout=LOCK_SECONDS)
