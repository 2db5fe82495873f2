"""Standard output and standard error of a process that may outlive their reader."""

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from tuner.errors import InputError, TunerError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GONE = {errno.EPIPE, errno.EIO, errno.ENXIO, errno.EBADF, errno.ECONNRESET, errno.ENOTCONN}
"""Errors of writing to a pipe whose reader has ended, or to a terminal that has vanished."""


READABLE = "tuner.readable"
"""Error handler of output streams: what an encoding lacks becomes ASCII that people can read."""

_ASCII = {
    "→": "->", "←": "<-", "·": "|", "…": "...", "\u00d7": "x", "±": "+-", "\u2013": "-",
    "\u2014": "-", "\u2212": "-", "≤": "<=", "≥": ">=", "µ": "u", "•": "*", "✓": "+",
    "“": '"', "”": '"', "\u2018": "'", "\u2019": "'",
}  # fmt: skip


class OutputClosedError(TunerError):
    """Standard output was closed before a command had written its result."""


def outlive_readers(*, lasting: bool) -> None:
    """Replace standard output and standard error by streams that outlive their reader.

    A closed descriptor becomes the null device, so that no file of ours gets its number.

    Args:
        lasting: True if the command continues without a reader; standard error says so once;
            False if its output is its result: writing then raises `OutputClosedError`.
    """
    for descriptor in (0, 1, 2):
        _open_if_closed(descriptor)
    sys.stdout = _stream(sys.stdout, 1, _told_gone if lasting else _refused)
    sys.stderr = _stream(sys.stderr, 2, lambda: None)


def write_result(text: str, remedy: str) -> None:
    """Write what another program may read to standard output, unchanged or not at all.

    Args:
        text: The result.
        remedy: Override that writes it to a file instead.

    Raises:
        InputError: The encoding of standard output lacks a character of it.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError as error:
        raise InputError(
            f"standard output is encoded in {encoding}, which has no {text[error.start]!r}",
            where="PYTHONIOENCODING, or LANG",
            remedy=f"{remedy}, or PYTHONIOENCODING=utf-8 before the command",
        ) from error
    sys.stdout.write(text)


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    shown = (_ASCII.get(each, each.encode("unicode_escape").decode()) for each in text)
    return "".join(shown), error.end


codecs.register_error(READABLE, _readable)


class _Descriptor(io.FileIO):
    """A descriptor that is written; once its reader is gone everything is dropped."""

    def __init__(self, descriptor: int, on_gone: Callable[[], None]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._on_gone = on_gone

    def write(self, data: "ReadableBuffer") -> int:
        while True:
            try:
                written: int | None = super().write(data)
            except OSError as error:
                if error.errno not in GONE:
                    raise
                _drop(self.fileno())
                self._on_gone()
                return memoryview(data).nbytes
            if written is not None:
                return written
            select.select([], [self.fileno()], [])  # Somebody made it non-blocking.


def _stream(replaced: TextIO | None, descriptor: int, on_gone: Callable[[], None]) -> TextIO:
    raw = _Descriptor(descriptor, on_gone)
    if not isinstance(replaced, io.TextIOWrapper):
        return io.TextIOWrapper(
            io.BufferedWriter(raw), encoding="utf-8", errors=READABLE, line_buffering=True
        )
    with suppress(OSError):
        replaced.flush()
    unbuffered = replaced.write_through  # PYTHONUNBUFFERED
    return io.TextIOWrapper(
        raw if unbuffered else io.BufferedWriter(raw),
        encoding=replaced.encoding,
        errors=READABLE,
        line_buffering=replaced.line_buffering,
        write_through=unbuffered,
    )


def _open_if_closed(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        _drop(descriptor)


def _drop(descriptor: int) -> None:
    """Make a descriptor lead to the null device."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)


def _told_gone() -> None:
    print(  # noqa: T201
        "tuner: nobody reads standard output any more; the command goes on without it. "
        "Its progress: tuner report",
        file=sys.stderr,
        flush=True,
    )


def _refused() -> None:
    raise OutputClosedError("standard output was closed before everything was written")
