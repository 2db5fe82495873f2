"""One thing that can be removed, and how large and how old a path is."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A file or a folder that can be removed."""

    kind: str
    """One of `clean.kinds`."""
    what: str
    """What it is, in a few words; equal ones are shown as one line."""
    path: Path
    """The file or folder; a place inside MLflow's store where `model_id` is given."""
    root: Path
    """Folder of ours that it lies in."""
    size: int
    """Bytes."""
    used: float
    """When it was last used or written, in seconds since the epoch."""
    model_id: str | None = None
    """MLflow's id of a logged model, which is removed through MLflow; else None."""


def measured(path: Path) -> tuple[int, float]:
    """Return the bytes below a path and when the youngest of it was written; links count alone.

    What vanishes meanwhile or cannot be read counts nothing.
    """
    size, youngest = 0, 0.0
    for status in _statuses(path):
        youngest = max(youngest, status.st_mtime)
        if not stat.S_ISDIR(status.st_mode):
            size += status.st_size
    return size, youngest


def is_inside(path: Path, root: Path) -> bool:
    """True if no link leads out of the root on the way to a path, and it is no link itself."""
    if path.is_symlink():
        return False
    expected = Path(os.path.realpath(root)) / path.relative_to(root)
    return Path(os.path.realpath(path)) == expected


def size_text(size: int) -> str:
    """Return bytes as people read them."""
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
