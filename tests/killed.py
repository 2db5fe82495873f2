"""Processes that end by SIGKILL at a chosen moment of what they do."""

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

AT_STATEMENT = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine

left = int(sys.argv[1])

@event.listens_for(Engine, "before_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

"""
"""Begin of a process that is killed before the SQL statement of that number."""

AT_FLUSH = """
import os, signal, sys

left, flush = int(sys.argv[1]), os.fsync

def count(descriptor):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    flush(descriptor)

os.fsync = count
"""
"""Begin of a process that is killed before the flush of that number."""


def killed(script, moment, *arguments):
    """Runs a process; whether it was killed before its end."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(moment), *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0
