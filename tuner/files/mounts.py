"""File system of a path of this machine."""

from contextlib import suppress
from pathlib import Path, PurePosixPath

from tuner.files.file_systems import file_system

_MOUNTS = Path("/proc/self/mountinfo")


def file_system_of(path: Path) -> str:
    """Kind of the file system, as `ext4` or `nfs4`; empty where the system does not tell."""
    with suppress(OSError):
        return file_system(PurePosixPath(path.resolve()), _MOUNTS.read_text(errors="replace"))
    return ""
