"""Lines of a file that another process may append to meanwhile."""

from collections.abc import Iterable, Iterator

_CONTINUATION = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that begin no character."""


def whole_lines(file: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines up to the first one whose end is not there yet.

    To read on behind half a line would give its second half as a line of its own: the writer may
    have added it between two reads.

    Args:
        file: Open in binary mode.

    Yields:
        Lines, newline included.
    """
    for line in file:
        if not line.endswith(b"\n"):
            return
        yield line


def tail_text(content: bytes, most_bytes: int) -> str:
    """Return the end of a text; a character that the cut would halve is left out.

    Args:
        content: UTF-8, or what a process printed.
        most_bytes: Bytes that are kept.
    """
    cut = content[-most_bytes:]
    if len(cut) < len(content):
        cut = cut.lstrip(_CONTINUATION)
    return cut.decode(errors="replace").strip()
