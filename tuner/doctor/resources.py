"""Memory, threads, disks and folders."""

from dataclasses import dataclass

from tuner.doctor.line import Line, ok, warning, wrong
from tuner.files.file_systems import NETWORK
from tuner.formatting.size import size

LITTLE_DISK, NO_DISK = 10e9, 1e9
"""Bytes free below which a disk soon is, or as good as is, full.

A trial's saved state holds weights and two moments: 1.3 GB for BERT base, 3.3 GB for XLM-R base.
"""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder that is to be written, whether it is there yet or not."""

    path: str
    """As people know it."""
    refusal: str = ""
    """Why nothing can be written there; empty: it can."""
    free: float = 0.0
    """Bytes left on its disk."""
    file_system: str = ""
    """Kind of the file system; empty where that is unknown."""


def folder_line(name: str, folder: Folder, key: str) -> Line:
    """Write rights and room.

    Args:
        name: What the folder is for.
        folder: What was found.
        key: The setting that names another one, such as `output=FOLDER`.
    """
    if folder.refusal:
        mend = f"{key} that can be written"
        return wrong(name, f"{folder.path} can not be written: {folder.refusal}", mend)
    text = f"{folder.path} can be written, {size(folder.free)} free"
    if folder.free < NO_DISK:
        return wrong(name, text, f"make room, or {key} on another disk")
    if folder.free < LITTLE_DISK:
        return warning(name, text, f"make room, or {key} on another disk, before a long sweep")
    return ok(name, text)


def memory_line(cores: int, free: int, needed: int) -> Line:
    """CPU threads and memory.

    Args:
        cores: CPU cores that we may run on.
        free: Bytes of memory that are free.
        needed: Bytes that one worker takes.
    """
    text = f"{cores} thread{'s' * (cores > 1)}, {size(free)} of memory free"
    if free < needed:
        mend = f"more memory: a worker takes about {size(needed)}"
        return warning("CPU", text, mend)
    return ok("CPU", text)


def file_storage_line(where: str, folder: Folder) -> Line:
    """A study in a SQLite file.

    Args:
        where: The file, for people.
        folder: That it lies in.
    """
    if folder.refusal:
        return wrong(
            "storage",
            f"{where} can not be made: {folder.refusal}",
            "output=FOLDER that can be written, or storage.url of a database",
        )
    if folder.file_system in NETWORK:
        return wrong(
            "storage",
            f"{where} lies on a network file system ({folder.file_system}), whose locks fail",
            "storage=journal, storage=postgresql, or output=FOLDER on a local disk",
        )
    return ok("storage", f"{where} can be written")
