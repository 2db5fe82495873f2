"""Files that are whole or not there."""

import ctypes
import errno
import os
import shutil
import stat
import threading
from pathlib import Path

_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux."""


def write_whole(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new one, never a part.

    Raises:
        OSError: The folder cannot be made or written; nothing is left of the new text.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def with_usual_mode(path: Path) -> None:
    """Give a file or folder the permissions that a new one has here.

    Some libraries write theirs for the owner only, whatever the umask.

    Raises:
        OSError: There is no room for a file beside it.
    """
    probe = path.with_name(f".mode-{os.getpid()}-{threading.get_ident()}")
    if path.is_dir():
        probe.mkdir()
    else:
        probe.touch()
    try:
        path.chmod(stat.S_IMODE(probe.stat().st_mode))
    finally:
        probe.rmdir() if path.is_dir() else probe.unlink()


def link_or_copy(source: str, target: str) -> None:
    """A file under a second name, without its bytes a second time where that can be.

    Raises:
        OSError: It cannot be read, or there is no room.
    """
    try:
        os.link(source, target)
    except OSError:  # Another file system, or one without links.
        shutil.copy2(source, target)


def replace_folder(source: Path, target: Path) -> None:
    """Put a folder in another's place, in one step where the file system can exchange two.

    Where it cannot, as over NFS, there is no target for a moment. Killed in that moment the old
    folder is left at `aside(target)`; see `restore_folder`.

    Args:
        source: On the same file system; gone afterwards.
        target: Replaced where it exists.

    Raises:
        OSError: It cannot be moved, or the target is no folder.
    """
    if not os.path.lexists(target):
        source.rename(target)
    elif not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "this is no folder", str(target))
    elif exchange(source, target):
        _remove(source)
    else:
        _remove(aside(target))
        target.rename(aside(target))
        source.rename(target)
        _remove(aside(target))
    synced(target.parent)


def restore_folder(target: Path) -> None:
    """Put back a folder that a killed `replace_folder` left aside.

    Raises:
        OSError: It cannot be moved.
    """
    if os.path.lexists(target):
        _remove(aside(target))
    elif os.path.lexists(aside(target)):
        aside(target).rename(target)


def aside(target: Path) -> Path:
    """Return where a folder lies while another one takes its place."""
    return target.with_name(f".{target.name}.old")


def exchange(one: Path, other: Path) -> bool:
    """Exchange two paths in one step (Linux, renameat2).

    Returns:
        False where the system or the file system cannot.

    Raises:
        OSError: The paths cannot be renamed at all.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM):
        return False
    raise OSError(code, os.strerror(code), str(other))


def synced(path: Path) -> None:
    """Write a file, or the names in a folder, through to the disk.

    Raises:
        OSError: It cannot be written, as over a quota that the file system looks at late.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems have no such call for folders.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a folder or a link to one."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
