r"""Python processes of ours: their start, and their answers among other output.

They start with `-P`, so that a module of the working folder, a user's own `queue.py` for instance,
is never imported in place of Python's or ours. What a site's start-up files or a library print on
standard output is no answer: each answer is a line behind the mark `\x1e`, which JSON never holds
(RFC 7464, "JSON Text Sequences").
"""

import os
import sys
from importlib.machinery import PathFinder
from typing import BinaryIO

MARK = b"\x1e"

_PACKAGE = __name__.partition(".")[0]


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line that runs a module of ours.

    Args:
        module: For instance `tuner.worker`.
        arguments: Arguments of its command line.
    """
    return (sys.executable, "-P", "-m", module, *arguments)


def answer(text: bytes) -> bytes:
    """Return an answer as the line that a process writes to its standard output."""
    return MARK + text + b"\n"


def answers(output: bytes) -> list[bytes]:
    """Return the answers in what a process has written, without what else was printed."""
    return [
        text
        for line in output.split(b"\n")
        for _, mark, text in [line.rpartition(MARK)]
        if mark == MARK
    ]


def leave_working_folder(path: list[str], package: str = _PACKAGE) -> None:
    """Take the working folder, which `python -m` puts first, out of the module search path.

    In a checkout that is not installed the package is found there alone: then the folder comes
    last, for this process and for those that it starts.

    Args:
        path: `sys.path`; changed.
        package: Name of our package.
    """
    folder = path.pop(0)
    if PathFinder.find_spec(package, path) is None:
        path.append(folder)
        known = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([*([known] if known else []), folder])


def claim_stdout() -> BinaryIO:
    """Reserve standard output for the protocol; other prints go to standard error."""
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "wb")
