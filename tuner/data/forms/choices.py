"""Texts with choices: one input for each choice, cut where it is too long."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tuner.data.checkpoint_tokenizer import CheckpointTokenizer
from tuner.data.forms.input_form import InputForm
from tuner.data.table import Table, texts_of
from tuner.data.tokenizer import TokenRows, tokenize
from tuner.errors import InputError
from tuner.tasks.cells import as_text, is_missing, items_of


def _choices(
    table: Table, column: str, key: str, rows: Sequence[int]
) -> tuple[tuple[str, ...], ...]:
    """Return the choices of some rows.

    Raises:
        InputError: A row has no list of texts.
    """
    cells = table.values[column]
    return tuple(
        _texts(cells[row], f"{key}={column}, row {row + 1} of {table.where}") for row in rows
    )


def _texts(cell: Any, where: str) -> tuple[str, ...]:
    items = items_of(cell) or []
    known = all(isinstance(each, str | int | float) and not is_missing(each) for each in items)
    if not known or len(items) < 2:  # noqa: PLR2004
        raise InputError(
            f"{cell!r} is no list of two choices or more",
            where=where,
            remedy="a list of texts in each row; or data.choices=[COLUMN, COLUMN, ...]",
        )
    return tuple(as_text(item, where) for item in items)


def _tokenize(
    tokenizer: CheckpointTokenizer,
    texts: Sequence[Any],
    pairs: Sequence[Any] | None,
    max_length: int,
    overlap: int,
) -> TokenRows:
    del overlap
    choices = pairs or ()
    repeated = [text for text, row in zip(texts, choices, strict=True) for _ in row]
    flat = [choice for row in choices for choice in row]
    made = tokenize(tokenizer, repeated, flat, max_length)
    inputs = np.concatenate([[0], np.cumsum([len(row) for row in choices])])
    longest = np.maximum.reduceat(made.full_lengths, inputs[:-1])
    numbers = np.concatenate([np.arange(len(row)) for row in choices])
    places = np.repeat(numbers, made.lengths).astype(np.int32)
    return replace(made, inputs=inputs, full_lengths=longest, places=places)


CHOICES = InputForm(
    first=texts_of,
    second=_choices,
    second_key="choices",
    second_example="[a,b,c,d]",
    needs_second=True,
    tokenize=_tokenize,
)
