"""A profiler trace of a few updates of a trial, as TensorBoard's profile plugin reads it."""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import tensorflow as tf

SKIPPED = 3
"""Updates before the trace: they trace graphs, compile them and fill caches."""

TRACED = 5
"""Updates in the trace: enough to tell a habit from a chance, and a file of megabytes."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


@contextmanager
def traced(updates: Iterator[T], folder: Path | None) -> Iterator[Iterator[T]]:
    """The same updates; the profiler runs while some of them are made.

    A trace that cannot be made or written is only logged: it does not fail the trial.

    Args:
        updates: Whoever asks for the next has made the one before.
        folder: Made; TensorBoard reads it as a log folder. None: no trace.
    """
    if folder is None:
        yield updates
    else:
        with closing(_traced(updates, folder)) as passed_on:
            yield passed_on


def _traced(updates: Iterator[T], folder: Path) -> Generator[T, None, None]:
    runs = False
    try:
        for number, update in enumerate(updates):
            if number == SKIPPED:
                runs = _start(folder)
            elif number == SKIPPED + TRACED and runs:
                runs = _stop()
            yield update
    finally:
        if runs:
            _stop()


def _start(folder: Path) -> bool:
    try:
        tf.test.experimental.sync_devices()  # Else earlier updates would stand in it.
        tf.profiler.experimental.start(str(folder))
    except tf.errors.OpError as error:
        _log.warning("no profile: %s", error)
        return False
    return True


def _stop() -> bool:
    try:
        tf.test.experimental.sync_devices()  # Updates may not have begun on the device.
        tf.profiler.experimental.stop()
    except tf.errors.OpError as error:
        _log.warning("no profile: %s", error)
    return False
