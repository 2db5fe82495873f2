"""Memory, threads, disks and folders."""

from dataclasses import dataclass

from tuner.doctor.line import Line, ok, warning, wrong
from tuner.files.file_systems import NETWORK
from tuner.formatting.size import size

LITTLE_DISK, NO_DISK = 10e9, 1e9
"""Free bytes below which a disk fills up soon, and below which it counts as full.

A trial's saved state holds weights and two moments: 1.3 GB for BERT base, 3.3 GB for XLM-R base.
"""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Folder that has to be writable; it need not exist yet."""

    path: str
    """Path as shown to people."""
    refusal: str = ""
    """Reason why nothing can be written there; empty if it can."""
    free: float = 0.0
    """Bytes free on its disk."""
    file_system: str = ""
    """Type of the file system; empty if unknown."""


def folder_line(name: str, folder: Folder, key: str) -> Line:
    """Return a line about a folder's write access and free space.

    Args:
        name: Purpose of the folder.
        folder: Findings.
        key: Setting that chooses another folder, such as `output=FOLDER`.
    """
    if folder.refusal:
        remedy = f"export {key}=FOLDER, one that can be written"
        return wrong(name, f"{folder.path} cannot be written: {folder.refusal}", remedy)
    text = f"{folder.path} can be written, {size(folder.free)} free"
    if folder.free < NO_DISK:
        return wrong(name, text, f"free disk space, or set {key} on another disk")
    if folder.free < LITTLE_DISK:
        return warning(
            name, text, f"free disk space before a long sweep, or set {key} on another disk"
        )
    return ok(name, text)


def memory_line(cores: int, free: int, needed: int) -> Line:
    """Return a line about CPU threads and memory.

    Args:
        cores: Number of CPU cores that this process may use.
        free: Free memory in bytes.
        needed: Memory of one worker in bytes.
    """
    text = f"{cores} thread{'s' * (cores > 1)}, {size(free)} of memory free"
    if free < needed:
        remedy = f"use a machine with more memory: a worker takes about {size(needed)}"
        return warning("CPU", text, remedy)
    return ok("CPU", text)


def file_storage_line(where: str, folder: Folder) -> Line:
    """Return a line about a study in a SQLite file.

    Args:
        where: File as shown to people.
        folder: Folder of the file.
    """
    if folder.refusal:
        return wrong(
            "storage",
            f"{where} cannot be created: {folder.refusal}",
            "set output=FOLDER with a folder that can be written, or storage.url of a database",
        )
    if folder.file_system in NETWORK:
        return wrong(
            "storage",
            f"{where} is on a network file system ({folder.file_system}), whose locks fail",
            "set storage=journal, storage=postgresql, or output=FOLDER on a local disk",
        )
    return ok("storage", f"{where} can be written")
