"""Log of everything that is printed in a worker: its own, or the running trial's."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tuner.trial.names import LOG_NAME

_OF_AGENT = ("tuner.execution", "tuner.launchers", "tuner.processes", "tuner.study")
"""Modules that log for the agent, see `tuner.processes.agent_log`."""


def show_own_messages() -> None:
    """Print what our own modules log, from INFO on, to standard error."""
    ours = logging.getLogger("tuner")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False


@contextmanager
def logging_to(folder: Path) -> Iterator[None]:
    """Redirect file descriptors 1 and 2 to the trial's log, including native libraries."""
    folder.mkdir(parents=True, exist_ok=True)
    _flush()
    kept = os.dup(1), os.dup(2)
    with (folder / LOG_NAME).open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        _flush()
        for number, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)


@contextmanager
def recording_to(folder: Path) -> Iterator[None]:
    """Write what our own modules log to the trial's log, in a process that others print in, too.

    What is printed stays where it is, so that a debugger can be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ours = logging.getLogger("tuner")
    handler = logging.FileHandler(folder / LOG_NAME, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    handler.setLevel(logging.INFO)
    handler.addFilter(lambda record: not record.name.startswith(_OF_AGENT))
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(min(level, logging.INFO) if level else logging.INFO)
    try:
        yield
    finally:
        ours.setLevel(level)
        ours.removeHandler(handler)
        handler.close()


def _flush() -> None:
    """Write what was printed; a log on a full disk ends no trial."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
