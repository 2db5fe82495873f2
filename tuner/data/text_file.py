"""Opening of text files: compressed or not, in UTF-8 or UTF-16, with any line ending."""

import bz2
import codecs
import gzip
import io
import lzma
import shlex
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO, cast

from tuner.errors import InputError
from tuner.tasks.cells import shortened

WITH_ROWS = "a file with a header and rows, as `text,label` and `a fine film,1`"
"""Remedy for an empty file."""

_MAGIC = {
    b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst",
    b"PK\x03\x04": ".zip",
}  # fmt: skip
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD = 8192
"""Number of bytes from which encoding and line ending are determined."""


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """A text file with known format, not read yet."""

    path: Path

    encoding: str
    """Name of the codec."""

    line_end: str
    r"""Character `\n`, which a `\r` may precede, or `\r`, that ends a line. Others are text."""

    @contextmanager
    def opened(self) -> Iterator[TextIO]:
        """Open the text from its beginning, split into lines only at `line_end`.

        Raises:
            InputError: It cannot be decompressed or decoded.
        """
        try:
            with _binary(self.path) as binary:
                yield io.TextIOWrapper(binary, encoding=self.encoding, newline=self.line_end)
        except UnicodeDecodeError as error:
            raise _not_text(self.path, error) from error
        except _DAMAGED as error:
            raise _damaged(self.path, error) from error


_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)


def find_text(path: Path) -> TextFile:
    """Determine how to read a text file.

    Args:
        path: Path of an existing file.

    Raises:
        InputError: It is empty, or cannot be decompressed.
    """
    try:
        with _binary(path) as binary:
            head = binary.read(_HEAD)
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    if not head:
        raise InputError("the file is empty", where=str(path), remedy=WITH_ROWS)
    encoding = _encoding(head)
    text = head.decode(encoding, errors="replace")
    return TextFile(path=path, encoding=encoding, line_end=_line_end(text))


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    # UTF-16 without a mark shows by NUL bytes in the ASCII characters of a header.
    even, odd = head[0:8:2], head[1:8:2]
    if len(odd) > 1 and not any(odd) and all(even):
        return "utf-16-le"
    if len(odd) > 1 and not any(even) and all(odd):
        return "utf-16-be"
    return "utf-8"


def _line_end(text: str) -> str:
    r"""Return `\r` if that ends the first line and most of the others, else `\n`."""
    first = min((text.find(end) for end in "\r\n" if end in text), default=0)
    ends_early = (
        text[first : first + 1] == "\r" and text[first : first + 3].strip("\r")[:1] != "\n"
    )
    pairs = text.count("\r\n")
    return "\r" if ends_early and text.count("\r") - pairs > text.count("\n") else "\n"


@contextmanager
def _binary(path: Path) -> Iterator[IO[bytes]]:
    """Open the decompressed bytes of a file."""
    with path.open("rb") as file:
        head = file.read(6)
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    match kind:
        case ".gz":
            with gzip.open(path, "rb") as opened:
                yield cast("IO[bytes]", opened)
        case ".bz2":
            with bz2.open(path, "rb") as opened:
                yield cast("IO[bytes]", opened)
        case ".xz":
            with lzma.open(path, "rb") as opened:
                yield cast("IO[bytes]", opened)
        case ".zst":
            with _zstandard(path) as opened:
                yield opened
        case ".zip":
            with _only_member(path) as opened:
                yield opened
        case _:
            with path.open("rb") as opened:
                yield opened


@contextmanager
def _zstandard(path: Path) -> Iterator[IO[bytes]]:
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415

    with pa.input_stream(str(path), compression="zstd") as stream:
        yield io.BufferedReader(stream)


@contextmanager
def _only_member(path: Path) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive:
        if "[Content_Types].xml" in archive.namelist():
            raise InputError(
                "the file is a workbook of a spreadsheet program, not text",
                where=str(path),
                remedy=f"libreoffice --convert-to csv {shlex.quote(str(path))}, or save the sheet "
                "as CSV in UTF-8",
            )
        names = [name for name in archive.namelist() if not name.endswith("/")]
        names = [name for name in names if not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise InputError(
                f"the archive contains {len(names)} files, but only one can be read",
                where=str(path),
                remedy=f"unzip {shlex.quote(str(path))}, and name one of: {shortened(names)}",
            )
        with archive.open(names[0]) as member:
            yield member


def _not_text(path: Path, error: UnicodeDecodeError) -> InputError:
    name = "UTF-8" if error.encoding.startswith("utf-8") else error.encoding.upper()
    return InputError(
        f"the file is not {name}: byte {error.object[error.start]:#04x}",
        where=str(path),
        remedy=f"iconv -f windows-1252 -t utf-8 {shlex.quote(str(path))} > NEW.csv, or save it as "
        "UTF-8 where it comes from",
    )


def _damaged(path: Path, error: Exception) -> InputError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(
        f"the file cannot be read: {reason}",
        where=str(path),
        remedy=f"copy {shlex.quote(str(path))} again from its origin",
    )
