"""Spools of processes that start and end in one folder at the same time."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from tuner.tracking.spool import new_spool

WORK = """
import sys
from pathlib import Path
from tuner.tracking.spool import leftovers, new_spool

folder = Path(sys.argv[1])
for _ in range(600):
    for left in leftovers(folder):
        left.discard()
    spool = new_spool(folder, "", 0)
    assert spool.path.read_text().count(chr(10)) == 1
    spool.discard()
"""


def test_a_new_spool_is_ours_whoever_starts_and_ends_meanwhile(tmp_path):
    """Whoever ends removes the empty folder; whoever starts takes what nobody has locked."""
    command = [sys.executable, "-c", WORK, str(tmp_path / "spool")]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate(timeout=300)[1].decode() for process in running]
    assert errors == [""] * 3


def test_a_file_system_without_locks_is_told_at_once_and_nothing_is_left(tmp_path, monkeypatch):
    tries = []

    def refuse(*given):
        tries.append(given)
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.ENOLCK)):
        new_spool(tmp_path / "spool", "", 0)
    assert len(tries) == 1
    assert not (tmp_path / "spool").exists()
