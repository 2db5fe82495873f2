"""A disk that is full: one message, whoever ran into it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tuner.errors import TunerError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""No space, no quota, or a limit on the size of files."""


class DiskFullError(TunerError):
    """There is no room left to write what must not be lost."""

    def __init__(self, where: str) -> None:
        """Says what to do.

        Args:
            where: The file or folder that could not be written.
        """
        super().__init__(
            "the disk is full\n"
            f"  where: {where}\n"
            "  try:   make room, then the same command; every trial told so far is kept, those "
            "that ran are taken up again"
        )


@contextmanager
def full_disk_said(where: str) -> Iterator[None]:
    """Turns a full disk into one of our errors.

    Args:
        where: Named where the error names no file.

    Raises:
        DiskFullError: Something could not be written for want of room.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskFullError(str(error.filename or where)) from error
