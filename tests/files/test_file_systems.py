from pathlib import PurePosixPath

import pytest

from tuner.files.file_systems import NETWORK, file_system

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 0:45 / /home rw,relatime shared:20 - nfs4 filer:/export/home rw,vers=4.2,addr=10.0.0.1
41 40 8:17 / /home/me/scratch rw - xfs /dev/sdb1 rw
42 22 0:50 / /mnt/our\040data rw - lustre 10.0.0.2@tcp:/fs rw,flock
43 22 0:51 / /over rw - ext4 /dev/sdc1 rw
44 43 0:52 / /over rw - fuse.sshfs me@host:/ rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/root/x", "ext4"),
        ("/home/me/mlflow.db", "nfs4"),
        ("/home/me/scratch/mlflow.db", "xfs"),
        ("/homely/x", "ext4"),
        ("/mnt/our data/x", "lustre"),
        ("/over/x", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_above_a_path_counts(path, kind):
    assert file_system(PurePosixPath(path), MOUNTS) == kind
    assert (kind in NETWORK) == (kind not in ("ext4", "xfs"))


def test_without_mounts_nothing_is_known():
    assert file_system(PurePosixPath("/x"), "") == ""
