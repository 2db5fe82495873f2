"""A file that was opened, distinguished from another one that takes its place."""

import os
from pathlib import Path


class FileWatch:
    """Identity of a file that was opened: another file of its name is not the same."""

    def __init__(self, path: Path) -> None:
        """Remember the file.

        Raises:
            OSError: There is none.
        """
        self.path = path
        self._opened = _identity(path.stat())

    @property
    def is_gone(self) -> bool:
        """True if there is no file of this name any more."""
        return not self.path.exists()

    @property
    def is_same(self) -> bool:
        """True if the file is still there."""
        try:
            return _identity(self.path.stat()) == self._opened
        except FileNotFoundError:
            return False


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
