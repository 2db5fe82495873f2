"""Reader of CoNLL files: a word in each line with its tags, and a blank line after each sentence.

Columns are separated by tabs, or else by blanks. They have the names `text` (the first, or the
second where the first numbers the words), `label` (the last) and their numbers from 1. Those of
CoNLL-U have their own names instead of `label`: its last one holds no tags.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tuner.data.table import Table
from tuner.data.text_file import TextFile
from tuner.errors import InputError

TEXT = "text"
"""Name of the column of words."""

LABEL = "label"
"""Name of the last column."""

_DOCUMENT = "-DOCSTART-"
"""First column of a line that begins a document."""

_CONLL_U = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
"""Columns of CoNLL-U, which has lines for parts and unions of words, too."""

_NO_WORD = re.compile(r"\d+[-.]\d+")
"""Number of such a line."""

_REMEDY = "a word and its tag in each line, separated by a tab or by blanks, as in CoNLL-2003"


def read_conll(file: TextFile, wanted: Sequence[str]) -> Table:
    """Read the sentences of a file; each cell is the list of what its words have in a column.

    Args:
        file: CoNLL file.
        wanted: Names of columns.

    Raises:
        InputError: It has no words, or a line has another number of columns than the first.
    """
    path = file.path
    with file.opened() as lines:
        written = [(number, line.rstrip("\r\n")) for number, line in enumerate(lines, start=1)]
    has_tabs, width = _layout(written, path)
    sentences = list(_sentences(written, path, width, has_tabs=has_tabs))
    numbered = width > 1 and all(map(_is_numbered, sentences))
    names = {TEXT: int(numbered)} | {str(column + 1): column for column in range(width)}
    if numbered and width == len(_CONLL_U):
        names |= {name: column for column, name in enumerate(_CONLL_U)}
    elif width > 1:
        names[LABEL] = width - 1
    columns = {
        name: [[fields[names[name]] for fields in sentence] for sentence in sentences]
        for name in wanted
        if name in names
    }
    values: dict[str, list[Any]] = dict(columns)
    return Table(where=str(path), columns=tuple(names), values=values)


def _is_numbered(sentence: Sequence[Sequence[str]]) -> bool:
    """True if the first column counts the words of a sentence from 1."""
    return all(fields[0] == str(number) for number, fields in enumerate(sentence, start=1))


def _layout(written: Iterable[tuple[int, str]], path: Path) -> tuple[bool, int]:
    """True if tabs separate the columns, and their number, by the first line with a word."""
    for _, line in written:
        if line.strip() and not line.startswith(("#", _DOCUMENT)):
            return "\t" in line, len(_fields(line, has_tabs="\t" in line))
    # Every line may be a word that begins with a number sign.
    for _, line in written:
        if line.startswith("#"):
            return "\t" in line, len(_fields(line, has_tabs="\t" in line))
    raise InputError("the file has no words", where=str(path), remedy=_REMEDY)


def _fields(line: str, *, has_tabs: bool) -> list[str]:
    return [field.strip() for field in line.split("\t")] if has_tabs else line.split()


def _sentences(
    written: Sequence[tuple[int, str]], path: Path, width: int, *, has_tabs: bool
) -> Iterator[list[list[str]]]:
    """Yield the lines of each sentence as fields."""
    # A comment may have as many fields as a word, whose last one is a tag.
    tags = {
        _fields(line, has_tabs=has_tabs)[-1]
        for _, line in written
        if line.strip() and not line.startswith(("#", _DOCUMENT))
    }
    words: list[list[str]] = []
    for number, line in written:
        fields = _fields(line, has_tabs=has_tabs)
        if not any(fields):
            if words:
                yield words
            words = []
            continue
        if fields[0] == _DOCUMENT or (width == len(_CONLL_U) and _NO_WORD.fullmatch(fields[0])):
            continue
        if line.startswith("#") and (len(fields) != width or (tags and fields[-1] not in tags)):
            continue
        if len(fields) != width or not fields[0]:
            raise InputError(
                f"the line has {sum(map(bool, fields))} of {width} columns",
                where=f"{path}, line {number}",
                remedy=_REMEDY,
            )
        words.append(fields)
    if words:
        yield words
