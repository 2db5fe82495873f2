"""Reports of errors that are not ours: one line for people, a file with the rest."""

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tuner import __version__
from tuner.errors import TunerError
from tuner.secrets import hidden

_LIBRARIES = ("optuna", "mlflow", "hydra-core", "sqlalchemy", "tensorflow", "keras")


_MOST_SHOWN = 300
"""Characters of an exception's message that are shown; the report has all of them."""


def crashed(error: BaseException, command: Sequence[str]) -> str:
    """Write a crash report.

    Args:
        error: Exception that nobody expected.
        command: Command line of this process.

    Returns:
        One line for people: the exception and the path of the report. Secrets are masked in both.
    """
    said = hidden(" ".join(str(error).split()))[:_MOST_SHOWN]
    what = f"unexpected {type(error).__name__}{': ' if said else ''}{said}"
    try:
        lines = list(_lines(error, command))
    except Exception:  # What is broken may be what it asks.
        lines = traceback.format_exception(error)
    text = hidden("\n".join(lines))
    for folder in _folders():
        with suppress(OSError):
            return f"{what} (crash report: {_written(folder, text)})"
    return f"{what} (no folder takes the crash report)"


def guarded(main: Callable[[], int]) -> int:
    """Run the main function of a process of ours; whatever escapes it ends as one line.

    Returns:
        Exit code: that of `main`, 1 where it crashed.
    """
    try:
        return main()
    except TunerError as error:
        print(f"tuner: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except Exception as error:
        print(f"tuner: {crashed(error, sys.argv)}", file=sys.stderr)  # noqa: T201
        return 1


def _lines(error: BaseException, command: Sequence[str]) -> Iterator[str]:
    yield f"tuner {__version__} on Python {platform.python_version()}, {platform.platform()}"
    yield f"at {datetime.now(tz=UTC).isoformat(timespec='seconds')}, process {os.getpid()}"
    yield f"command: {' '.join(map(repr, command))}"
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"
    yield ""
    yield from traceback.format_exception(error)


def _folders() -> Iterator[Path]:
    """Folders that may take a report: the working folder, else the one for temporary files."""
    with suppress(OSError):
        yield Path.cwd()
    with suppress(OSError):
        yield Path(tempfile.gettempdir())


def _written(folder: Path, text: str) -> Path:
    """Write a report that its owner alone can read.

    Raises:
        OSError: The folder does not take it.
    """
    moment = datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S")
    descriptor, name = tempfile.mkstemp(".txt", f"tuner-crash-{moment}-", folder)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return Path(name)
