"""Cache of prepared data: written once under a key of everything that decided it, then mapped.

A folder appears under its name complete or not at all: it is written under another name, flushed
and renamed. If two processes write the same one, the second uses the first one's. To be removed it
is renamed first; processes that have mapped it keep their mapping.
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

from tuner import tasks
from tuner.checkpoints.content import cache_root
from tuner.data.examples import Examples
from tuner.data.report import DataReport
from tuner.data.tokenized import TokenizedSplit
from tuner.files.atomic import with_usual_mode
from tuner.tasks import Baseline, TargetSpec, Task

FORMAT_VERSION = 9
"""Version to increase whenever files, reading, tokenisation or split change."""

ABANDONED_SECONDS = 24 * 3600.0
"""Age in seconds after which temporary folders count as left by a dead process."""

MOST_BYTES = 20 * 2**30
"""Largest size of all entries together; those used longest ago are removed first."""

_ARRAYS = ("ids", "type_ids", "offsets", "labels", "inputs", "places")
"""Arrays of a split; an array that it lacks has no file."""

_META = "meta.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StoredData:
    """Prepared data as the cache keeps it."""

    labels: tuple[str, ...]
    """Label names, in the order of their numbers."""
    train: TokenizedSplit
    """Training rows."""
    validation: TokenizedSplit
    """Validation rows."""
    vocabulary: NDArray[np.int32]
    """Token ids of both splits before truncation, and of padding; ascending."""
    constant_guess: Baseline
    """Result of the best constant guess on the validation rows."""
    task: Task
    """Task with what it takes from the training rows."""
    report: DataReport
    """Figures of the data."""
    fingerprint: str
    """SHA-256 of the content of both splits."""


def entry_folder(key: str) -> Path:
    """Return the folder of a key."""
    return cache_root() / "prepared" / key


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of the cache, as eviction sees it."""

    folder: Path
    """Folder of its files."""
    size: int
    """Size in bytes."""
    used: float
    """Time at which it was last written or mapped, in seconds."""


def evicted(entries: Sequence[Entry], most_bytes: int) -> list[Entry]:
    """Return the entries used longest ago beyond the limit; the last used one stays."""
    left = sum(entry.size for entry in entries)
    out: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: entry.used)[:-1]:
        if left <= most_bytes:
            break
        out.append(entry)
        left -= entry.size
    return out


def load(key: str) -> StoredData | None:
    """Map the data stored under a key; return None if there is none, or it is incomplete."""
    folder = entry_folder(key)
    try:
        _mark_used(folder)
        meta = json.loads((folder / _META).read_text(encoding="utf-8"))
        return StoredData(
            labels=tuple(meta["labels"]),
            train=_load_split(folder, "train", meta),
            validation=_load_split(folder, "validation", meta),
            vocabulary=_load_array(folder, "vocabulary", meta),
            constant_guess=Baseline(**meta["constant_guess"]),
            task=tasks.from_mapping(meta["task"]),
            report=DataReport(**_with_tuples(meta["report"])),
            fingerprint=meta["fingerprint"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("the cache entry %s is damaged and is made anew: %s", folder, error)
        return None


def save(key: str, stored: StoredData) -> StoredData:
    """Write prepared data and return it mapped from the files.

    If the folder cannot be written, a warning is logged and the data stays in memory.
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
        for entry in evicted(_entries(folder.parent), MOST_BYTES):
            _remove(entry.folder)
    except OSError as error:
        _log.warning(
            "prepared data stays in memory, and each process makes it anew: %s; "
            "TUNER_CACHE names another folder",
            error,
        )
        return stored
    return load(key) or stored


def _write(folder: Path, stored: StoredData) -> None:
    meta: dict[str, Any] = {
        "labels": stored.labels,
        "constant_guess": asdict(stored.constant_guess),
        "task": stored.task.to_mapping(),
        "report": asdict(stored.report),
        "fingerprint": stored.fingerprint,
        "max_length": stored.train.max_length,
        "pad_id": stored.train.pad_id,
        "spec": asdict(stored.train.spec),
    }
    arrays: dict[str, NDArray[Any] | None] = {"vocabulary": stored.vocabulary}
    for name, split in (("train", stored.train), ("validation", stored.validation)):
        arrays |= {f"{name}.{part}": getattr(split, part) for part in _ARRAYS}
        if split.examples is not None:
            meta[f"{name}.examples"] = asdict(split.examples)
    for name, array in arrays.items():
        if array is None:
            continue
        meta[name] = list(array.shape)
        with (folder / f"{name}.npy").open("wb") as file:
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
    """Rename an entry before removing it, so that no process sees a part of it."""
    away = folder.with_name(f".{folder.name[:16]}-{os.getpid()}-{time.monotonic_ns()}")
    with contextlib.suppress(OSError):  # Another process was faster.
        folder.rename(away)
        shutil.rmtree(away, ignore_errors=True)


def _mark_used(folder: Path) -> None:
    with contextlib.suppress(OSError):  # A read-only cache evicts nothing.
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
    arrays: dict[str, Any] = {
        part: _load_array(folder, f"{name}.{part}", meta)
        for part in _ARRAYS
        if f"{name}.{part}" in meta
    }
    examples = meta.get(f"{name}.examples")
    return TokenizedSplit(
        **arrays,
        max_length=meta["max_length"],
        pad_id=meta["pad_id"],
        spec=TargetSpec(**_with_tuples(meta["spec"])),
        examples=None if examples is None else Examples(**_with_tuples(examples)),
        names=tuple(meta["labels"]),
    )


def _load_array(folder: Path, name: str, meta: dict[str, Any]) -> NDArray[Any]:
    array = open_memmap(folder / f"{name}.npy", mode="r")
    if list(array.shape) != meta[name]:
        raise ValueError(f"{name} has shape {array.shape}")
    return array.view(np.ndarray)  # The subclass makes every access slower.


def _with_tuples(value: Any) -> Any:
    """Return a value of JSON with tuples in the place of lists, as they were before."""
    if isinstance(value, list):
        return tuple(map(_with_tuples, value))
    if isinstance(value, dict):
        return {key: _with_tuples(each) for key, each in value.items()}
    return value


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
