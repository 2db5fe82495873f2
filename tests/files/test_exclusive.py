"""One process at a time, and one that never lets go is told of."""

import os
import subprocess
import sys
import tempfile

import pytest

from tuner.errors import TunerError
from tuner.files.exclusive import exclusive, remove_if_free

HOLDS = """
from tuner.files.exclusive import exclusive
with exclusive("a store"):
    print("held", flush=True)
    input()
"""


def test_another_process_waits_and_is_told_whom_for():
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TunerError, match=r"a store .*its lock: "), exclusive("a store", 0.1):
            pass
        with exclusive("another store", 0.1):
            pass
    finally:
        holder.communicate(b"\n")
    with exclusive("a store", 10.0):
        pass


COUNTS = """
import sys
import tempfile
from pathlib import Path
from tuner.files.exclusive import exclusive
file = Path(sys.argv[1])
for _ in range(200):
    with exclusive("a counter"):
        file.write_text(str(int(file.read_text()) + 1))
"""


def locks(folder):
    return list(folder.glob("tuner-*.lock"))


def test_no_file_is_left_and_no_two_processes_hold_a_lock_whose_file_goes(tmp_path):
    count = tmp_path / "count"
    count.write_text("0")
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", COUNTS, str(count)]
    running = [subprocess.Popen(command, env=environment) for _ in range(4)]
    assert [each.wait() for each in running] == [0] * 4
    assert count.read_text() == "800"
    assert locks(tmp_path) == []


def test_what_a_killed_process_left_is_taken_and_a_held_lock_is_not_removed(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert holder.stdout.readline() == b"held\n"
    (file,) = locks(tmp_path)
    assert not remove_if_free(file)
    assert locks(tmp_path) == [file]
    holder.kill()
    holder.communicate()
    assert locks(tmp_path) == [file]
    assert remove_if_free(file)
    assert locks(tmp_path) == []


def test_a_temporary_folder_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nothing"))
    with pytest.raises(TunerError, match="TMPDIR"), exclusive("a store"):
        pass
