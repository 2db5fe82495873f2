"""File system of a path, and whether several machines may share it."""

import re
from pathlib import PurePosixPath

NETWORK = frozenset({
    "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs",
    "fuse.juicefs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "nfs",
    "nfs4", "smb2", "smb3", "smbfs", "wekafs",
})  # fmt: skip
"""File systems on which SQLite's locks are unreliable (sqlite.org/faq.html, question 5).

9p is none of them here: it is the root of some containers, which nobody else writes.
"""

_ESCAPED = re.compile(r"\\(\d{3})")


def file_system(path: PurePosixPath, mounts: str) -> str:
    """Kind of the file system that a path lies on: that of the innermost mount above it.

    Args:
        path: Absolute, without symbolic links.
        mounts: Text of /proc/self/mountinfo, whose format is in proc(5).

    Returns:
        Type such as `ext4` or `nfs4`; empty if unknown.
    """
    kinds = dict(_mount(line) for line in mounts.splitlines() if " - " in line)
    return next((kinds[above] for above in (path, *path.parents) if above in kinds), "")


def _mount(line: str) -> tuple[PurePosixPath, str]:
    """Mount point and kind; of two on one point the later one is seen."""
    mount, _, source = line.partition(" - ")
    point = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), mount.split()[4])
    return PurePosixPath(point), source.split()[0]
