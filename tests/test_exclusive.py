"""One process at a time, and one that never lets go is told of."""

import subprocess
import sys

import pytest

from tuner.errors import TunerError
from tuner.exclusive import exclusive

HOLDS = """
from tuner.exclusive import exclusive
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
