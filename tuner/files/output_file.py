"""Files that a user names for a result: a regular file, a device, a pipe, /dev/stdout."""

import errno
import os
from pathlib import Path
from tempfile import TemporaryFile

from tuner.files.atomic import write_whole

_STREAMS = (Path("/dev/stdin"), Path("/dev/stdout"), Path("/dev/stderr"))
_DESCRIPTORS = (Path("/proc"), Path("/dev/fd"))


def write_output(path: Path, text: str) -> None:
    """Write a result: whole, or into what is there and no regular file.

    A device, a pipe and what `/dev/stdout` leads to are written, never replaced. A link stays, and
    the file that it leads to is replaced.

    Raises:
        OSError: It cannot be written, or is a folder.
    """
    if is_replaceable(path):
        write_whole(path.resolve(), text)
        return
    # Appended, since a shell may have opened the same file with >>.
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def check_output(path: Path) -> None:
    """See before the work whether its result can be written; the folder is made.

    Raises:
        OSError: It cannot.
    """
    if is_replaceable(path):
        folder = path.resolve().parent
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    elif not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def is_replaceable(path: Path) -> bool:
    """True for a regular file and for what is not there yet.

    Raises:
        IsADirectoryError: It is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    absolute = path.absolute()
    # Open files of a process, which may be regular: /dev/stdout, /dev/fd/3, /proc/self/fd/3.
    is_descriptor = absolute in _STREAMS or any(map(absolute.is_relative_to, _DESCRIPTORS))
    return not is_descriptor and (path.is_file() or not path.exists())
