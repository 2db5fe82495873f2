"""A study that vanishes while it is run: its file removed or replaced, or it was deleted."""

import os
from pathlib import Path

from tuner.errors import TunerError


class StudyLostError(TunerError):
    """The study is no longer where it was opened."""

    def __init__(self, problem: str, where: str, remedy: str) -> None:
        """Build the message.

        Args:
            problem: What happened to the study.
            where: Its file, or the address of its storage.
            remedy: What continues it.
        """
        super().__init__(f"{problem}\n  where: {where}\n  try:   {remedy}")


class FileWatch:
    """Identity of a file that was opened: another file of its name is not the same."""

    def __init__(self, path: Path) -> None:
        """Remember the file.

        Raises:
            OSError: There is none.
        """
        self._path = path
        self._opened = _identity(path.stat())

    @property
    def is_gone(self) -> bool:
        """Whether there is no file of this name any more."""
        return not self._path.exists()

    @property
    def is_same(self) -> bool:
        """Whether the file is still there."""
        try:
            return _identity(self._path.stat()) == self._opened
        except FileNotFoundError:
            return False


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
