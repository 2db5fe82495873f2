"""Where everything goes that is printed in a worker: its own log, or the running trial's."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

LOG_NAME = "worker.log"

BEGIN = "attempt begins"
"""In the first line that an attempt prints."""


def claim_stdout() -> BinaryIO:
    """Takes standard output for the protocol alone; what prints there goes to stderr instead."""
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "wb")


def show_own_messages() -> None:
    """Prints what our own modules log, from INFO on, to standard error."""
    ours = logging.getLogger("tuner")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False


@contextmanager
def logging_to(folder: Path) -> Iterator[None]:
    """Sends file descriptors 1 and 2 to the trial's log, native libraries included."""
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


def last_attempt(folder: Path) -> str:
    """What the last attempt at a trial has printed; empty without a log.

    Args:
        folder: The trial's.
    """
    try:
        text = (folder / LOG_NAME).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    _, begin, rest = text.rpartition(BEGIN)
    return begin + rest


def _flush() -> None:
    """Write what was printed; a log on a full disk ends no trial."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
