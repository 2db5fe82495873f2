"""Lists of words: joined with blanks, and in several windows where they are too long.

The first token of a word stands for it. Each word belongs to one window, the one in which most
tokens surround it, so that no word is met twice in an epoch and none is scored twice. A plain
text, which only predictions have, is split into words as transformers' pipeline splits it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from tuner.data.checkpoint_tokenizer import CheckpointTokenizer
from tuner.data.forms.input_form import InputForm
from tuner.data.forms.windows import homes, window_starts
from tuner.data.table import Table, texts_of
from tuner.data.tokenizer import TokenRows, TokenRowsBuilder, encodings, find_layout, unknown_token
from tuner.errors import InputError
from tuner.tasks.cells import as_text, is_missing, items_of, refuse_rows

Spans = tuple[tuple[int, int], ...]
"""Characters before each word and up to its end."""


def _read(table: Table, column: str, key: str, rows: Sequence[int]) -> tuple[Any, ...]:
    """Return the words of some rows.

    Raises:
        InputError: A row has no words, or something else than a list of them.
    """
    cells = table.values[column]
    empty = [row for row in rows if is_missing(cells[row]) or items_of(cells[row]) == []]
    if empty:
        refuse_rows(empty, "no words", f"{key}, {table.where}")
    where = f"{key}={column}, row {{}} of {table.where}"
    return tuple(_words(cells[row], where.format(row + 1)) for row in rows)


def _ask(table: Table, column: str, key: str, rows: Sequence[int]) -> tuple[Any, ...]:
    """Return words or plain texts that are to be predicted.

    Raises:
        InputError: Like `_read`.
    """
    are_texts = all(isinstance(table.values[column][row], str) for row in rows)
    return texts_of(table, column, key, rows) if are_texts else _read(table, column, key, rows)


def _words(cell: Any, where: str) -> tuple[str, ...]:
    items = items_of(cell)
    if items is None or not all(isinstance(item, str | int | float) for item in items):
        raise InputError(
            f"{cell!r} is no list of words",
            where=where,
            remedy="a list of texts in each row (JSON, Parquet, hub), or a CoNLL file",
        )
    words = tuple(as_text(item, where) for item in items)
    blank = next((number for number, word in enumerate(words, start=1) if not word.strip()), None)
    if blank is not None:
        raise InputError(
            f"word {blank} of {len(words)} is empty",
            where=where,
            remedy="rows without empty words, and without the tags of these",
        )
    return words


def _tokenize(
    tokenizer: CheckpointTokenizer,
    texts: Sequence[Any],
    pairs: Sequence[Any] | None,
    max_length: int,
    overlap: int,
) -> TokenRows:
    del pairs
    made = TokenRowsBuilder(tokenizer, find_layout(tokenizer, pairs=False), max_length)
    shared = min(overlap, made.available // 2)
    every: list[Spans] = []
    lost = 0
    joined = [text if isinstance(text, str) else " ".join(text) for text in texts]
    found = encodings(tokenizer.backend, joined)
    for given, text, encoding in zip(texts, joined, found, strict=True):
        if isinstance(given, str):
            spans, places = words_of_text(tokenizer.backend, text, encoding)
        else:
            spans = spans_of(given)
            places = first_tokens(spans, encoding.offsets)
        every.append(spans)
        lost += len(spans) - int((places >= 0).sum())
        starts = window_starts(len(encoding), made.available, shared)
        home = homes(len(encoding), starts, made.available)
        for number, start in enumerate(starts):
            part = slice(start, start + made.available)
            here = np.where(home[part] == number, places[part], -1)
            made.add(encoding.ids[part], places=here)
        made.end_example(encoding.ids)
    return made.rows(tuple(every), _lost_note(lost))


def _lost_note(lost: int) -> tuple[str, ...]:
    """Sentence about words without tokens."""
    if not lost:
        return ()
    sentence = (
        f"{lost} words are nothing but characters that the tokenizer drops: no prediction has "
        "them in an entity."
    )
    return (sentence,)


def spans_of(words: Sequence[str]) -> Spans:
    """Return the characters of words in the text that they are joined to with blanks.

    Example:
        >>> spans_of(["New", "York"])
        ((0, 3), (4, 8))
    """
    out, start = [], 0
    for word in words:
        out.append((start, start + len(word)))
        start += len(word) + 1
    return tuple(out)


def first_tokens(spans: Spans, offsets: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Return the index of the word that each token begins; -1 for a word's further tokens.

    Args:
        spans: Characters of the words, with one character between two words.
        offsets: Characters before each token and up to its end.
    """
    ends = np.array([stop for _, stop in spans])
    tokens = np.array(offsets, np.int64).reshape(-1, 2)
    # Some tokens begin with the blank before their word.
    begins = tokens[:, 0] + np.isin(tokens[:, 0], ends)
    found = np.searchsorted(ends, begins, side="right")
    found[begins >= tokens[:, 1]] = -1  # A blank alone.
    before = np.maximum.accumulate(np.concatenate([[-1], found]))[:-1]
    return np.where(found > before, found, -1)


def words_of_text(
    tokenizer: Tokenizer, text: str, encoding: Encoding
) -> tuple[Spans, NDArray[np.int64]]:
    """Return the words of a plain text, and the index of the word that each token begins.

    Words are those of transformers' pipeline: a token goes on a word if it is marked so, or, where
    the tokenizer has no such mark, if there is no blank at its beginning.

    Args:
        tokenizer: Tokenizer without special tokens around the text.
        text: Text.
        encoding: Its tokens.
    """
    marked = bool(getattr(tokenizer.model, "continuing_subword_prefix", None))
    unknown = unknown_token(tokenizer)
    spans: list[tuple[int, int]] = []
    places = np.full(len(encoding), -1, np.int64)
    for number, (token, known, (start, stop)) in enumerate(
        zip(encoding.tokens, encoding.ids, encoding.offsets, strict=True)
    ):
        goes_on = (
            len(token) != stop - start
            if marked
            else start > 0 and " " not in text[start - 1 : start + 1]
        )
        if spans and goes_on and known != unknown:
            spans[-1] = (spans[-1][0], stop)
        else:
            places[number] = len(spans)
            spans.append((start, stop))
    return tuple(spans), places


WORDS = InputForm(first=_read, ask=_ask, tokenize=_tokenize, has_windows=True)
