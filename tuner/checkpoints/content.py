"""Hashes of file contents, those of big files remembered, and the folder they are kept in."""

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from tuner.files.atomic import write_whole
from tuner.files.home import cache_home, expanded

REMEMBER_BYTES = 16 * 2**20
"""Smaller files are hashed in a few milliseconds, so nothing is remembered of them."""

SETTLED_SECONDS = 2.0
"""A file changed more recently could change again within one tick of its time stamp."""


def cache_root() -> Path:
    """Folder of everything that can be made again: TUNER_CACHE, else tuner's in ~/.cache."""
    if chosen := os.environ.get("TUNER_CACHE"):
        return expanded(chosen).absolute()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return expanded(base).absolute() / "tuner"
    return cache_home() / "tuner"


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content in hexadecimal.

    A big file is read once: its hash is remembered in the cache for as long as its size, inode
    and times stay the same.

    Raises:
        OSError: The file cannot be read.
    """
    stat = path.stat()
    if stat.st_size < REMEMBER_BYTES:
        return _digest(path)
    stamp = [str(path.resolve()), stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns]
    name = hashlib.sha256(json.dumps(stamp).encode()).hexdigest()
    memory = cache_root() / "hashes" / name
    try:
        known = memory.read_text()
    except OSError:
        known = ""
    if len(known) == hashlib.sha256().digest_size * 2:
        return known
    digest = _digest(path)
    if time.time() - stat.st_mtime > SETTLED_SECONDS:
        _remember(memory, digest)
    return digest


def is_noted(what: str, path: Path) -> bool:
    """True if `note` recorded this for a file with the same content; never for a small one."""
    if path.stat().st_size < REMEMBER_BYTES:
        return False
    return (cache_root() / what / file_hash(path)).is_file()


def note(what: str, path: Path) -> None:
    """Record a fact about a big file's content that is costly to find out again."""
    if path.stat().st_size >= REMEMBER_BYTES:
        _remember(cache_root() / what / file_hash(path), "")


def combined_hash(parts: Iterable[str]) -> str:
    """SHA-256 of a sequence of texts; their borders count."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remember(memory: Path, digest: str) -> None:
    try:
        write_whole(memory, digest)
    except OSError:
        return  # An unwritable cache costs time, nothing else.
