"""Prepared data on disk: written once under a key of all that decided it, then mapped.

A folder appears under its name complete or not at all: it is written beside, flushed to the disk
and renamed. Of two processes that write the same one, the second finds it there and uses it. It
goes the same way: it is renamed before it is removed, and who has mapped it keeps what was mapped.
"""

import contextlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from tuner.checkpoints.content import cache_root
from tuner.data.report import DataReport
from tuner.data.tokenized import TokenizedSplit
from tuner.files.atomic import with_usual_mode
from tuner.trial.records import Baseline

FORMAT_VERSION = 5
"""To be raised whenever files, reading, tokenisation or split change."""

ABANDONED_SECONDS = 24 * 3600.0
"""Temporary folders older than this were left by a process that died."""

MOST_BYTES = 20 * 2**30
"""What all entries together may take on the disk; those used longest ago make room."""

_ARRAYS = ("ids", "type_ids", "offsets", "labels")
_META = "meta.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What the cache keeps of prepared data."""

    labels: tuple[str, ...]
    """Label names, in the order of their numbers."""
    train: TokenizedSplit
    """Training rows."""
    validation: TokenizedSplit
    """Validation rows."""
    constant_guess: Baseline
    """What the best constant guess reaches on the validation rows."""
    report: DataReport
    """Figures of the data."""
    fingerprint: str
    """SHA-256 of both splits' content."""


def entry_folder(key: str) -> Path:
    """Folder that belongs to a key."""
    return cache_root() / "prepared" / key


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What eviction has to know of an entry."""

    folder: Path
    """Of its files."""
    size: int
    """In bytes."""
    used: float
    """When it was last written or mapped, in seconds."""


def surplus(entries: Sequence[Entry], most_bytes: int) -> list[Entry]:
    """The entries used longest ago, without which the others fit; the last used always stays."""
    left = sum(entry.size for entry in entries)
    out: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: entry.used)[:-1]:
        if left <= most_bytes:
            break
        out.append(entry)
        left -= entry.size
    return out


def load(key: str) -> Stored | None:
    """Maps what is stored under a key; None when there is nothing, or nothing whole."""
    folder = entry_folder(key)
    try:
        _mark_used(folder)
        meta = json.loads((folder / _META).read_text(encoding="utf-8"))
        return Stored(
            labels=tuple(meta["labels"]),
            train=_load_split(folder, "train", meta),
            validation=_load_split(folder, "validation", meta),
            constant_guess=Baseline(**meta["constant_guess"]),
            report=_report(meta["report"]),
            fingerprint=meta["fingerprint"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("the cache entry %s is damaged and made anew: %s", folder, error)
        return None


def save(key: str, stored: Stored) -> Stored:
    """Writes prepared data and returns it mapped from there.

    Where the folder cannot be written, a warning is logged and the data stays in memory.
    """
    folder = entry_folder(key)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder.parent)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{key[:16]}-"))
        try:
            _write(temporary, stored)
            with_usual_mode(temporary)
            _move_into_place(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        for entry in surplus(_entries(folder.parent), MOST_BYTES):
            _remove(entry.folder)
    except OSError as error:
        _log.warning(
            "prepared data stays in memory, each process makes it anew: %s; "
            "TUNER_CACHE names another folder",
            error,
        )
        return stored
    return load(key) or stored


def _write(folder: Path, stored: Stored) -> None:
    meta: dict[str, Any] = {
        "labels": stored.labels,
        "constant_guess": asdict(stored.constant_guess),
        "report": asdict(stored.report),
        "fingerprint": stored.fingerprint,
        "max_length": stored.train.max_length,
        "pad_id": stored.train.pad_id,
    }
    for name, split in (("train", stored.train), ("validation", stored.validation)):
        for array_name in _ARRAYS:
            array: NDArray[Any] = getattr(split, array_name)
            meta[f"{name}.{array_name}"] = len(array)
            with (folder / f"{name}.{array_name}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                _flush(file.fileno())
    with (folder / _META).open("w", encoding="utf-8") as text:
        json.dump(meta, text)
        text.flush()
        _flush(text.fileno())
    _flush_folder(folder)


def _move_into_place(temporary: Path, folder: Path) -> None:
    if folder.exists() and load(folder.name) is None:
        _remove(folder)
    try:
        temporary.rename(folder)
    except OSError:
        if load(folder.name) is None:  # else another process was faster
            raise
    _flush_folder(folder.parent)


def _remove(folder: Path) -> None:
    """Renames an entry away first, so that nobody sees it half removed."""
    away = folder.with_name(f".{folder.name[:16]}-{os.getpid()}-{time.monotonic_ns()}")
    with contextlib.suppress(OSError):  # Another process was faster.
        folder.rename(away)
        shutil.rmtree(away, ignore_errors=True)


def _mark_used(folder: Path) -> None:
    with contextlib.suppress(OSError):  # A cache that is read alone evicts nothing.
        os.utime(folder / _META)


def _entries(parent: Path) -> list[Entry]:
    found = []
    for folder in parent.glob("[!.]*"):
        with contextlib.suppress(OSError):  # Removed by another process meanwhile.
            size = sum(file.stat().st_size for file in folder.iterdir())
            used = (folder / _META).stat().st_mtime
            found.append(Entry(folder=folder, size=size, used=used))
    return found


def _load_split(folder: Path, name: str, meta: dict[str, Any]) -> TokenizedSplit:
    arrays: dict[str, NDArray[Any]] = {}
    for array_name in _ARRAYS:
        array = open_memmap(folder / f"{name}.{array_name}.npy", mode="r")
        if array.shape != (meta[f"{name}.{array_name}"],):
            raise ValueError(f"{name}.{array_name} has shape {array.shape}")
        arrays[array_name] = array.view(np.ndarray)  # the subclass makes every access slower
    return TokenizedSplit(**arrays, max_length=meta["max_length"], pad_id=meta["pad_id"])


def _report(values: dict[str, Any]) -> DataReport:
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return DataReport(**values)


def _remove_abandoned(parent: Path) -> None:
    for path in parent.glob(".*-*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _flush(descriptor: int) -> None:
    os.fsync(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
