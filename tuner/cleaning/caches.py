"""Leftovers outside of studies: the cache, and the locks of killed processes."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tuner.checkpoints.content import cache_root
from tuner.cleaning.leftover import Leftover, measure
from tuner.files.exclusive import PATTERN

CONTENTS = {
    "prepared": "tokenised data",
    "datasets": "data sets from hubs",
    "tokenizers": "tokenizers",
    "encodings": "checked encodings",
    "rehearsals": "rehearsed models",
    "sound": "checked checkpoints",
    "hashes": "hashes of files",
}
"""Folder of the cache and its content; everything in it is recreated when it is missing."""


def cache_leftovers() -> Iterator[Leftover]:
    """Yield the entries of the cache, and nothing else in its folder."""
    root = cache_root()
    for name, what in CONTENTS.items():
        for path in _children(root / name):
            size, used = measure(path)
            yield Leftover(
                kind="cache", description=what, path=path, root=root, size=size, used=used
            )


def lock_leftovers() -> Iterator[Leftover]:
    """Yield the files of our locks in the temporary folder; held ones are not removed later."""
    root = Path(tempfile.gettempdir())
    for path in sorted(root.glob(PATTERN)):
        if path.is_symlink() or not path.is_file() or not _is_own(path):
            continue
        size, used = measure(path)
        yield Leftover(
            kind="locks", description="locks", path=path, root=root, size=size, used=used
        )


def _children(folder: Path) -> list[Path]:
    if folder.is_symlink():
        return []
    try:
        return sorted(path for path in folder.iterdir() if not path.is_symlink())
    except OSError:
        return []


def _is_own(path: Path) -> bool:
    """True for a file of this user, which nobody else can have created."""
    try:
        return path.lstat().st_uid == os.getuid()
    except OSError:
        return False
