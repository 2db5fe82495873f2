"""A disk that takes no more: one message, whoever ran into it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tuner.errors import InputError, TunerError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""No space, no quota, or a limit on the size of files."""

UNUSABLE = {
    errno.ENAMETOOLONG: "a shorter path",
    errno.ENOTDIR: "a folder in place of the file on its way",
    errno.EISDIR: "that folder moved away, or another path: a file belongs there",
    errno.EEXIST: "move the existing file away, or another path",
    errno.ENOTEMPTY: "that folder moved away, or another path",
    errno.ELOOP: "links that do not lead back to themselves",
    errno.EINVAL: "another path, as the file system does not take this one",
    errno.EILSEQ: "another path, as the file system does not take this one",
    errno.ETXTBSY: "the program that runs from it ended, or another path",
}
"""Errors of paths that cannot be used, with a remedy."""

REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
"""Read-only, not allowed, or broken."""

_AGAIN = "then the same command; every finished trial is kept, and running ones are resumed"


class DiskFullError(TunerError):
    """There is no room left to write what must not be lost."""

    def __init__(self, where: str) -> None:
        """Build the message with its remedy.

        Args:
            where: The file or folder that could not be written.
        """
        super().__init__(
            f"the disk is full\n  where: {where}\n"
            f"  try:   make room (tuner clean lists what can go), {_AGAIN}"
        )


class UnwritableError(TunerError):
    """Data that must not be lost cannot be written."""

    def __init__(self, where: str, why: str) -> None:
        """Build the message with its remedy.

        Args:
            where: The file or folder.
            why: Message of the system or the database.
        """
        super().__init__(
            f"it cannot be read or written: {why}\n  where: {where}\n"
            f"  try:   the right to read and write it, {_AGAIN}"
        )


class GoneError(TunerError):
    """A file or folder is no longer there."""

    def __init__(self, where: str) -> None:
        """Say what to do.

        Args:
            where: The file or folder.
        """
        super().__init__(
            "a file or folder was removed while it was used, or leads to nothing\n"
            f"  where: {where}\n  try:   it in its place again, {_AGAIN}"
        )


@contextmanager
def refusals_said(where: str) -> Iterator[None]:
    """Turn errors of a full or read-only disk into one of ours.

    Args:
        where: Named where the error names no file.

    Raises:
        DiskFullError: Something could not be written for want of room.
        UnwritableError: Something could not be written, or read, at all.
        InputError: A path cannot be used.
        GoneError: A file or folder was removed while it was used.
    """
    try:
        yield
    except OSError as error:
        place = str(error.filename or where)
        if error.errno in FULL:
            raise DiskFullError(place) from error
        if error.errno in REFUSED:
            raise UnwritableError(place, error.strerror or str(error)) from error
        if error.errno in UNUSABLE and error.filename is not None:
            raise InputError(
                f"a path cannot be used: {error.strerror}",
                where=place,
                remedy=UNUSABLE[error.errno],
            ) from error
        if error.errno == errno.ENOENT and error.filename is not None:
            raise GoneError(place) from error
        raise
