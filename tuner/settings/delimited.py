"""Names that `data.delimiter` and `data.quoting` take."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

DELIMITERS: Mapping[str, str] = MappingProxyType(
    {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|", "space": " "}
)
"""Word to its character, for characters that a shell or Hydra would interpret."""

DELIMITER = f"{', '.join(DELIMITERS)}, or one character that is no quote mark and no line break"
"""Values of `data.delimiter`, for messages."""


class Quoting(StrEnum):
    """Quoting of texts with delimiters, quote marks or line breaks in a delimited file."""

    DOUBLE = "double"
    """In double quotes, a quote mark inside written twice, as RFC 4180 has it."""

    BACKSLASH = "backslash"
    """A backslash before each quote mark, delimiter, line break and backslash of a text."""

    NONE = "none"
    """Not at all: quote marks are part of the texts, and each line is a row."""


QUOTING = tuple(each.value for each in Quoting)


def is_delimiter(value: str) -> bool:
    """True if `data.delimiter` may be this."""
    return value in DELIMITERS or value == r"\t" or (len(value) == 1 and value not in '"\r\n\0')


def delimiter_of(value: str) -> str:
    """Return the character that a value of `data.delimiter` means."""
    return "\t" if value == r"\t" else DELIMITERS.get(value, value)


def delimiter_name(character: str) -> str:
    """Return the word for a delimiter, or the character itself if it has none."""
    names = {value: name for name, value in DELIMITERS.items()}
    return names.get(character, repr(character))
