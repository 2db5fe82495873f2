"""Removable files and folders, and their size and age."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """File or folder that can be removed."""

    kind: str
    """One of `clean.kinds`."""
    description: str
    """Short description; equal ones are shown as one line."""
    path: Path
    """File or folder; a place inside MLflow's store if `model_id` is given."""
    root: Path
    """Our folder that contains it."""
    size: int
    """Size in bytes."""
    used: float
    """Time of last use or last change, in seconds since the epoch."""
    model_id: str | None = None
    """MLflow's id of a logged model, which is removed through MLflow; None for files."""


def measure(path: Path) -> tuple[int, float]:
    """Return the bytes below a path and the time of its last change; links are not followed.

    Files that vanish meanwhile or cannot be read are not counted.
    """
    size, youngest = 0, 0.0
    for status in _statuses(path):
        youngest = max(youngest, status.st_mtime)
        if not stat.S_ISDIR(status.st_mode):
            size += status.st_size
    return size, youngest


def is_inside(path: Path, root: Path) -> bool:
    """True if no link leads out of the root on the way to a path, and the path is no link."""
    if path.is_symlink():
        return False
    expected = Path(os.path.realpath(root)) / path.relative_to(root)
    return Path(os.path.realpath(path)) == expected


def size_text(size: int) -> str:
    """Return a size in readable units."""
    for least, unit in _UNITS:
        if size >= least:
            return f"{size / least:.1f} {unit}"
    return f"{size} B"


def _statuses(path: Path) -> Iterator[os.stat_result]:
    try:
        own = path.lstat()
    except OSError:
        return
    yield own
    if not stat.S_ISDIR(own.st_mode):
        return
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            try:
                yield (Path(folder) / name).lstat()
            except OSError:
                continue
