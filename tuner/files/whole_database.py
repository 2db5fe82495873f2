"""SQLite files that appear under their names only when they are complete."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

SIDE_FILES = ("-journal", "-wal", "-shm")
"""Files that SQLite keeps beside a database; they mean nothing without it."""


def make_whole(
    path: Path, make: Callable[[Path], None], *, in_place_of_half_made: bool = False
) -> Path | None:
    """Make a database under another name and give it its own at the end.

    Args:
        path: Its name. A file without a byte is replaced, any other one is left as it is.
        make: Makes it in the file that it is given, and lets that go.
        in_place_of_half_made: The file that is there is put aside first.

    Returns:
        Where the file lies that was put aside; None where none was.

    Raises:
        OSError: The folder cannot be written.
    """
    beside = _beside(path)
    try:
        make(beside)
        _flush(beside)
        moved = _move_away(path) if in_place_of_half_made else None
        _publish(beside, path)
    finally:
        for file in _parts(beside):
            file.unlink(missing_ok=True)
    return moved


def _publish(beside: Path, path: Path) -> None:
    """Give a made file its name, unless another machine or program was faster."""
    if path.exists():
        if path.stat().st_size == 0:
            beside.replace(path)
        return
    for suffix in SIDE_FILES:  # Of a file that was removed: SQLite would replay them.
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    try:
        os.link(beside, path)
    except FileExistsError:
        return
    except OSError:  # A file system without links.
        beside.replace(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path) -> Path:
    """Return the name under which the file is made; what killed processes left there goes."""
    for left in path.parent.glob(f".{path.name}.new-*"):
        maker = left.name.rpartition(".new-")[2].partition("-")[0]
        if not (maker.isdigit() and psutil.pid_exists(int(maker))):
            left.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.new-{os.getpid()}")


def _parts(path: Path) -> Iterator[Path]:
    """Yield the file and what SQLite may keep beside it."""
    for suffix in ("", *SIDE_FILES):
        yield path.with_name(path.name + suffix)


def _move_away(path: Path) -> Path:
    """Give a half-made file another name, its side files too; nothing is in it."""
    moved = path.with_name(f"{path.name}.half-made-{time.time_ns()}")
    for file, target in zip(_parts(path), _parts(moved), strict=True):
        with suppress(FileNotFoundError):
            file.rename(target)
    return moved
