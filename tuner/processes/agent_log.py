"""The log of an agent, from which a run on a cluster can be understood afterwards.

Modules log to `logging.getLogger(__name__)`: INFO for what changes a trial, a worker or a claim,
DEBUG for the rest. Nothing above INFO: without a log, Python would print it.
"""

import logging
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path

from tuner import __version__
from tuner.errors import InputError
from tuner.processes.host import host_name
from tuner.secrets import hidden

VARIABLE = "TUNER_LOG"
"""Environment variable that names the level."""

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}

_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"

_log = logging.getLogger(__name__)


@contextmanager
def agent_log(folder: Path, environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Write what this process logs to `agent-HOST-PID.log`, where TUNER_LOG asks for it.

    Args:
        folder: Folder of the study.
        environment: Environment variables.

    Raises:
        InputError: TUNER_LOG names no level, or the folder cannot be written.
    """
    level = _level(environment)
    if level is None:
        yield
        return
    handler = _LogFile(_new_file(folder), encoding="utf-8")
    handler.setLevel(level)
    handler.setFormatter(_Formatter(_FORMAT))
    ours = logging.getLogger("tuner")
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel(level)
    try:
        _log.info("tuner %s on %s: %s", __version__, host_name(), shlex.join(sys.argv))
        yield
    except BaseException:
        _log.info("the agent ends with an exception", exc_info=True)
        raise
    else:
        _log.info("the agent ends")
    finally:
        ours.setLevel(before)
        ours.removeHandler(handler)
        handler.close()


def _level(environment: Mapping[str, str]) -> int | None:
    """Level that TUNER_LOG names; None where it is not set."""
    given = environment.get(VARIABLE, "")
    if given and given.lower() not in LEVELS:
        raise InputError(
            f"{VARIABLE} is {given!r}, which is no level of the agent's log",
            where=f"environment variable {VARIABLE}",
            remedy=" or ".join(f"{VARIABLE}={name}" for name in LEVELS) + "; without it no log",
        )
    return LEVELS.get(given.lower())


def _new_file(folder: Path) -> Path:
    """Make a file that no other agent has: containers repeat host names and process ids."""
    name = f"agent-{host_name()}-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = folder / f"{name}{f'-{number}' if number > 1 else ''}.log"
            with suppress(FileExistsError):
                path.touch(exist_ok=False)
                return path
    except OSError as error:
        raise InputError(
            f"the agent's log cannot be written: {error.strerror or error}",
            where=str(folder),
            remedy=f"output=FOLDER, one that can be written; or unset {VARIABLE}",
        ) from error
    raise AssertionError("numbers never end")


class _LogFile(logging.FileHandler):
    """A file of a log."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Lose a record that cannot be written: a full disk ends no sweep."""


class _Formatter(logging.Formatter):
    """Formats records with the time zone, and masks secrets in all of them, tracebacks too."""

    def formatTime(  # noqa: N802 - logging's name
        self,
        record: logging.LogRecord,
        datefmt: str | None = None,  # noqa: ARG002
    ) -> str:
        """Return the time with its zone, since agents run on many machines."""
        at = datetime.fromtimestamp(record.created).astimezone()
        return at.isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text without secrets."""
        return hidden(super().format(record))
