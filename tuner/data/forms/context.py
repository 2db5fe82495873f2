"""Questions with contexts, in several windows where the context is too long."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuner.data.checkpoint_tokenizer import CheckpointTokenizer
from tuner.data.forms.input_form import InputForm
from tuner.data.forms.windows import window_starts
from tuner.data.table import Table, texts_of
from tuner.data.tokenizer import TokenRows, TokenRowsBuilder, encodings, find_layout
from tuner.tasks.cells import refuse_rows


def _contexts(table: Table, column: str, key: str, rows: Sequence[int]) -> tuple[str, ...]:
    """Return the contexts of some rows.

    Raises:
        InputError: A row has none, or something else.
    """
    found = texts_of(table, column, key, rows)
    blank = [row for row, text in zip(rows, found, strict=True) if not text.strip()]
    if blank:
        refuse_rows(blank, "an empty context", f"{key}, {table.where}")
    return found


def _tokenize(
    tokenizer: CheckpointTokenizer,
    texts: Sequence[Any],
    pairs: Sequence[Any] | None,
    max_length: int,
    overlap: int,
) -> TokenRows:
    """Tokenise questions and contexts.

    A question keeps at most half of an input. Windows share at most half of what is left, so that
    a context has few of them.
    """
    made = TokenRowsBuilder(tokenizer, find_layout(tokenizer, pairs=True), max_length)
    longest = made.available // 2
    cut = 0
    parts = (encodings(tokenizer.backend, each) for each in (texts, pairs or ()))
    for question, context in zip(*parts, strict=True):
        asked = question.ids[:longest]
        cut += len(asked) < len(question.ids)
        ids, offsets = context.ids, np.array(context.offsets, np.int64).reshape(-1, 2)
        available = made.available - len(asked)
        before = np.full((len(asked), 2), -1)
        for start in window_starts(len(ids), available, min(overlap, available // 2)):
            here = slice(start, start + available)
            made.add(asked, ids[here], places=np.concatenate([before, offsets[here]]))
        made.end_example(question.ids, ids)
    return made.rows(notes=(f"{cut} questions are cut at {longest} tokens.",) if cut else ())


CONTEXT = InputForm(
    first=texts_of,
    second=_contexts,
    second_example="context",
    needs_second=True,
    tokenize=_tokenize,
    has_windows=True,
)
